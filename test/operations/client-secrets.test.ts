import { createSecretKey } from 'node:crypto'
import t from 'tap'
import { createArgon2Pool } from '../../src/crypto/argon2-pool.ts'
import type { Actor } from '../../src/domain/actor.ts'
import { clientSecrets } from '../../src/operations/accounts/client-secrets.ts'
import type { Refusals } from '../../src/operations/refusals.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

/** Records nothing. */
const UNRECORDED: Refusals = {
  ofChange: (_attempt, work) => work(),
  ofRead: (_attempt, work) => work(),
  ofSignIn: (_realm, _address, work) => work(),
}

async function isGood({ app }: TestServer, clientId: string, clientSecret: string): Promise<boolean> {
  const answer = await app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }).toString(),
  })
  return answer.statusCode === 200
}

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const created = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  return { server, clientId: created.account.clientId, first: created.clientSecret }
}

t.test('in a rotation both secrets are good until the old one ends', async (t) => {
  const { server, clientId, first } = await acme(t)
  const { operations, clock } = server
  const rotated = await operations.secrets.startRotation(TESTER, 'acme', clientId)
  t.ok(await isGood(server, clientId, first))
  t.ok(await isGood(server, clientId, rotated.clientSecret))
  const listed = await operations.secrets.list(TESTER, 'acme', clientId)
  t.equal(listed.length, 2)
  const old = listed.find(({ id }) => id !== rotated.secret.id)
  t.equal(old?.lastFour, first.slice(-4))
  t.equal(old?.expiresAt?.getTime(), clock.now.getTime() + 86_400_000)
  t.notOk('phc' in (old ?? {}))

  clock.advance(86_400)
  t.notOk(await isGood(server, clientId, first))
  t.ok(await isGood(server, clientId, rotated.clientSecret))
  t.equal((await operations.secrets.list(TESTER, 'acme', clientId)).length, 1)
  t.ok((await operations.secrets.startRotation(TESTER, 'acme', clientId)).clientSecret)
})

t.test('the secret that ends is the old one, whatever the clocks of nodes say', async (t) => {
  const { server, clientId } = await acme(t)
  const { operations, clock } = server
  clock.advance(-60)
  const { secret } = await operations.secrets.startRotation(TESTER, 'acme', clientId)
  const listed = await operations.secrets.list(TESTER, 'acme', clientId)
  t.equal(listed[0]?.id, secret.id)
  t.match(listed[1], { expiresAt: Date })
})

t.test('a rotation ends at the given time, within 90 days', async (t) => {
  const { server, clientId, first } = await acme(t)
  const { operations, clock } = server
  const at = (seconds: number) => new Date(clock.now.getTime() + seconds * 1000)
  for (const end of [at(0), at(-1), at(90 * 86_400 + 1), new Date(Number.NaN)])
    await t.rejects(operations.secrets.startRotation(TESTER, 'acme', clientId, end), {
      code: 'invalid',
      field: 'old_secret_expires_at',
    })
  await operations.secrets.startRotation(TESTER, 'acme', clientId, at(60))
  clock.advance(59)
  t.ok(await isGood(server, clientId, first))
  clock.advance(1)
  t.notOk(await isGood(server, clientId, first))
})

t.test('a caller without authority is refused before a secret is hashed', async (t) => {
  const db = openDatabase({ connectionString: await testDatabase(t), poolSize: 1, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  const hashed: string[] = []
  const argon2 = { ...createArgon2Pool(), hash: async (secret: string) => `${hashed.push(secret)}` }
  const secrets = clientSecrets({
    db,
    argon2,
    clock: () => new Date(),
    verifierKey: createSecretKey(Buffer.alloc(32)),
    plainHashesUntil: undefined,
    refusals: UNRECORDED,
  })
  const never = new Date(Number.NaN)
  for (const realm of ['acme', 'other']) {
    const viewer: Actor = { ...TESTER, authority: { platform: false, realm, access: 'view' } }
    const code = realm === 'acme' ? 'forbidden' : 'not_found'
    await t.rejects(secrets.reset(viewer, 'acme', 'ci'), { code })
    await t.rejects(secrets.startRotation(viewer, 'acme', 'ci'), { code })
    await t.rejects(secrets.startRotation(viewer, 'acme', 'ci', never), { code })
  }
  t.same(hashed, [])
})

t.test('an account has at most two secrets', async (t) => {
  const { server, clientId } = await acme(t)
  const { operations } = server
  const attempts = Array.from({ length: 10 }, () =>
    operations.secrets.startRotation(TESTER, 'acme', clientId),
  )
  const settled = await Promise.allSettled(attempts)
  t.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const one of settled) if (one.status === 'rejected') t.match(one.reason, { code: 'conflict' })
  t.equal((await operations.secrets.list(TESTER, 'acme', clientId)).length, 2)
})

t.test('deleting the old secret finishes a rotation, deleting the new one cancels it', async (t) => {
  const { server, clientId, first } = await acme(t)
  const { operations, clock } = server
  const cancelled = await operations.secrets.startRotation(TESTER, 'acme', clientId)
  await operations.secrets.delete(TESTER, 'acme', clientId, cancelled.secret.id)
  t.notOk(await isGood(server, clientId, cancelled.clientSecret))
  clock.advance(100_000)
  t.ok(await isGood(server, clientId, first), 'the old secret has no end any more')

  const finished = await operations.secrets.startRotation(TESTER, 'acme', clientId)
  const old = (await operations.secrets.list(TESTER, 'acme', clientId)).find(
    ({ id }) => id !== finished.secret.id,
  )
  await operations.secrets.delete(TESTER, 'acme', clientId, old?.id as string)
  t.notOk(await isGood(server, clientId, first))
  t.ok(await isGood(server, clientId, finished.clientSecret))
  await t.rejects(operations.secrets.delete(TESTER, 'acme', clientId, finished.secret.id), {
    code: 'conflict',
  })
  await t.rejects(operations.secrets.delete(TESTER, 'acme', clientId, 'nothing'), { code: 'not_found' })
})

t.test('a reset in the middle of a rotation ends both secrets', async (t) => {
  const { server, clientId, first } = await acme(t)
  const { operations } = server
  const rotated = await operations.secrets.startRotation(TESTER, 'acme', clientId)
  const reset = await operations.secrets.reset(TESTER, 'acme', clientId)
  t.notOk(await isGood(server, clientId, first))
  t.notOk(await isGood(server, clientId, rotated.clientSecret))
  t.ok(await isGood(server, clientId, reset.clientSecret))
})

t.test('an account that is not there has no secrets to list', async (t) => {
  const { server } = await acme(t)
  await t.rejects(server.operations.secrets.list(TESTER, 'acme', 'nobody'), { code: 'not_found' })
  await t.rejects(server.operations.secrets.list(TESTER, 'nowhere', 'nobody'), { code: 'not_found' })
})

t.test(
  'a realm that makes very many secrets at once is told to wait, and holds no other realm up',
  async (t) => {
    const db = openDatabase({ connectionString: await testDatabase(t), poolSize: 1, onIdleError: () => {} })
    t.teardown(() => db.destroy())
    const secrets = clientSecrets({
      db,
      argon2: createArgon2Pool({ maxWaitingOfRealm: 2 }),
      clock: () => new Date(),
      verifierKey: createSecretKey(Buffer.alloc(32)),
      plainHashesUntil: undefined,
      refusals: UNRECORDED,
    })
    const reset = (realm: string) => secrets.reset(TESTER, realm, 'nobody')
    const many = Promise.allSettled([1, 2, 3, 4, 5].map(() => reset('many')))
    // It got its turn: the realm is not there.
    await t.rejects(reset('few'), { code: 'not_found' })
    const codes = (await many).map((one) => one.status === 'rejected' && one.reason.code)
    t.same(codes.sort(), [
      'not_found',
      'not_found',
      'not_found',
      'temporarily_unavailable',
      'temporarily_unavailable',
    ])
  },
)
