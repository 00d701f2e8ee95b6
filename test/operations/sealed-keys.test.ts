import { CompactEncrypt, decodeProtectedHeader, SignJWT } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { createSealer } from '../../src/crypto/sealing.ts'
import { generateSigningKey } from '../../src/crypto/signing.ts'
import { openOperations } from '../../src/operations/open.ts'
import type { Operations } from '../../src/operations/operations.ts'
import { signingKeyContext } from '../../src/operations/realms/sealed-keys.ts'
import { testDatabase } from '../support/postgres.ts'
import { MASTER_KEY, PUBLIC_URL, TESTER, testClock } from '../support/server.ts'

const KEY = Buffer.from(MASTER_KEY, 'base64url')
const ADDRESS = '192.0.2.1'

interface Row {
  readonly realm_id: string
  readonly kid: string
  readonly algorithm: string
  readonly sealed_private_jwk: string
}

/** A database that somebody else can write, and a new node on it whenever one is asked for. */
async function writableDatabase(t: Test) {
  const databaseUrl = await testDatabase(t)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const clock = testClock()
  const log: string[] = []
  const node = async (): Promise<Operations> => {
    const { operations, close } = await openOperations({
      databaseUrl,
      masterKeys: [MASTER_KEY],
      clock: clock.read,
      dataDir: '/proc/none',
      publicUrl: PUBLIC_URL,
      poolSize: 2,
      databaseWaitSeconds: 5,
      log: (message) => void log.push(message),
    })
    t.teardown(close)
    return operations
  }
  const write = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows
  const keysOf = (realm: string): Promise<Row[]> =>
    write(
      `select k.realm_id, k.kid, k.algorithm, k.sealed_private_jwk from signing_keys k
       join realms r on r.id = k.realm_id where r.name = $1 order by k.published_at`,
      [realm],
    )
  return { node, write, keysOf, clock, log }
}

async function tokenOf(node: Operations, realm: string): Promise<string> {
  const { account, clientSecret } = await node.accounts.create(TESTER, realm, {
    name: `CI ${Math.random()}`,
  })
  const credentials = { clientId: account.clientId, clientSecret }
  const client = await node.clients.authenticate(realm, credentials, ADDRESS)
  const request = { scope: undefined, targets: { resources: [], audience: undefined } }
  return (await node.tokens.issue(client, request, ADDRESS)).value
}

async function kidsOf(node: Operations, realm: string): Promise<unknown[]> {
  return (await node.publishedRealms.find(realm)).keys.map(({ kid }) => kid)
}

t.test('a public key that was written into the database is neither published nor trusted', async (t) => {
  const { node, write, keysOf, log } = await writableDatabase(t)
  const first = await node()
  await first.realms.create(TESTER, 'acme')
  const { account } = await first.accounts.create(TESTER, 'acme', { name: 'CI' })
  const [own] = (await keysOf('acme')) as [Row]
  const { kid, publicJwk, privateJwk } = await generateSigningKey('ES256')
  const sign = (header: string) =>
    new SignJWT({ client_id: account.clientId, roles: ['account-admin'] })
      .setProtectedHeader({ alg: 'ES256', kid: header, typ: 'at+jwt' })
      .setIssuer(`${PUBLIC_URL}/realms/acme`)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(JSON.parse(privateJwk.toString()))

  await write('update signing_keys set public_jwk = $1', [{ ...publicJwk, kid: own.kid }])
  const [published] = (await (await node()).publishedRealms.find('acme')).keys
  t.equal(published?.['kid'], own.kid)
  t.not(published?.['x'], publicJwk.x, 'what is published comes out of the seal')
  await t.rejects((await node()).presentedTokens.verify(await sign(own.kid)), { code: 'invalid_token' })

  await write(
    `insert into signing_keys (realm_id, kid, algorithm, state, public_jwk, sealed_private_jwk, published_at, activates_at)
     select realm_id, $1, algorithm, 'next', $2, sealed_private_jwk, now(), now() from signing_keys`,
    [kid, publicJwk],
  )
  t.same(await kidsOf(await node(), 'acme'), [own.kid])
  await t.rejects((await node()).presentedTokens.verify(await sign(kid)), { code: 'invalid_token' })
  t.ok(
    log.some((line) => line.includes(kid)),
    'the operator is told',
  )
})

t.test('a sealed key of one realm signs in no other', async (t) => {
  const { node, write, keysOf } = await writableDatabase(t)
  const first = await node()
  await first.realms.create(TESTER, 'acme')
  await first.realms.create(TESTER, 'victim')
  const [acme] = (await keysOf('acme')) as [Row]
  const [victim] = (await keysOf('victim')) as [Row]
  // With its kid and public half, and into the row as it is.
  for (const kid of [acme.kid, victim.kid]) {
    await write(
      `update signing_keys v set kid = $1, public_jwk = a.public_jwk, sealed_private_jwk = a.sealed_private_jwk
       from signing_keys a where v.realm_id = $2 and a.realm_id = $3`,
      [kid, victim.realm_id, acme.realm_id],
    )
    const other = await node()
    t.same(await kidsOf(other, 'victim'), [])
    await t.rejects(tokenOf(other, 'victim'), { name: 'WrongMasterKeyError' })
  }
  t.ok(await tokenOf(await node(), 'acme'))
})

t.test('a data key opens for no other purpose', async (t) => {
  const { node, write } = await writableDatabase(t)
  await node()
  await write(
    `update data_keys set sealed_key = (select sealed_key from data_keys where purpose = 'portal')
     where purpose = 'client-secret-verifier'`,
  )
  await t.rejects(node(), { name: 'WrongMasterKeyError' })
})

t.test('a key that retires loses its private half and stays published', async (t) => {
  const { node, keysOf, clock } = await writableDatabase(t)
  const operations = await node()
  for (const algorithm of ['ES256', 'RS256', 'EdDSA', 'ML-DSA-44'] as const) {
    const realm = algorithm.toLowerCase()
    await operations.realms.create(TESTER, realm, { algorithm })
    const token = await tokenOf(operations, realm)
    await operations.signingKeys.rotate(TESTER, realm)
    clock.advance(600)
    await operations.signingKeys.rotateDue()
    const keys = await keysOf(realm)
    const old = keys.find(({ kid }) => kid === decodeProtectedHeader(token).kid) as Row
    const opened = createSealer([KEY]).open(old.sealed_private_jwk, signingKeyContext(old.realm_id, old))
    const { d, priv, p, ...others } = JSON.parse(Buffer.from(opened).toString())
    t.same([d, priv, p], [undefined, undefined, undefined], algorithm)
    t.equal(others.kid, old.kid)
    t.same((await kidsOf(operations, realm)).sort(), keys.map(({ kid }) => kid).sort())
    t.ok(await tokenOf(operations, realm))
    clock.advance(-600)
  }
})

t.test('keys that the version before sealed work until they are sealed anew', async (t) => {
  const { node, write, keysOf, log } = await writableDatabase(t)
  const first = await node()
  await first.realms.create(TESTER, 'acme')
  const sealer = createSealer([KEY])
  const [key] = (await keysOf('acme')) as [Row]
  const jwk = sealer.open(key.sealed_private_jwk, signingKeyContext(key.realm_id, key))
  const { kid } = decodeProtectedHeader(key.sealed_private_jwk) as { kid: string }
  const unbound = await new CompactEncrypt(jwk)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
    .encrypt(KEY)
  await write('update signing_keys set sealed_private_jwk = $1', [unbound])
  const upgraded = await node()
  t.ok(await upgraded.presentedTokens.verify(await tokenOf(upgraded, 'acme')))
  t.equal(await upgraded.masterKey.rotate(TESTER), 1)
  const [bound] = (await keysOf('acme')) as [Row]
  t.ok(sealer.isCurrent(bound.sealed_private_jwk))
  t.ok(await tokenOf(await node(), 'acme'))
  t.same(log, [])
})
