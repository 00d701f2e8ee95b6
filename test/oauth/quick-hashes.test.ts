import pg from 'pg'
import t, { type Test } from 'tap'
import { TESTER, testServer } from '../support/server.ts'

// Drawn once, as Keycloak does; fixed, so that each run takes the same way.
const RANDOM = '2Uoow3IkLOTiEcelwDhnHx7eFSLiDT9G'
const OTHER = 'sIqwfRi7Ic7rolK0fVWXEKZgIttcrvGS'
const MADE_UP = 'kX8-vq2W_tR7nPz4mB'

async function moved(t: Test) {
  const server = await testServer(t)
  const { operations, databaseUrl } = server
  await operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 100 })
  const database = new pg.Client(databaseUrl)
  await database.connect()
  t.teardown(() => database.end())
  let network = 0
  return {
    ...server,
    database,
    take: async (line: object) =>
      (await operations.accounts.import(TESTER, 'acme', [{ client_id: 'a', name: 'a', ...line }]))[0],
    isGood: (clientSecret: string) =>
      operations.clients.authenticate('acme', { clientId: 'a', clientSecret }, `10.0.${network++}.1`).then(
        () => true,
        (error: { code?: string }) => (error.code === 'invalid_client' ? false : Promise.reject(error)),
      ),
    left: () => operations.accounts.countForeignHashes(TESTER, 'acme'),
  }
}

t.test('a random secret is kept by a quick hash until its first use, a made-up one never', async (t) => {
  const { take, isGood, left, database } = await moved(t)
  const stored = async () =>
    (
      await database.query(
        'select s.keyed_phc, f.hash from client_secrets s left join foreign_hashes f on f.secret_id = s.id',
      )
    ).rows
  t.match(await take({ client_secret: RANDOM }), { status: 'created', hash: undefined }, 'it came by no hash')
  t.match(await stored(), [{ keyed_phc: null, hash: /^sha512\$\$\$64\$/ }])
  t.equal(await left(), 1, 'it is counted until it is used')
  t.notOk(await isGood(OTHER))
  t.equal(await left(), 1)
  t.ok(await isGood(RANDOM))
  t.match(await stored(), [{ keyed_phc: /^[0-9a-f]{2}\$argon2id\$/, hash: null }])
  t.equal(await left(), 0)
  t.ok(await isGood(RANDOM), 'by our hash')
  t.notOk(await isGood(OTHER))

  await take({ client_secret: MADE_UP })
  t.match(await stored(), [{ keyed_phc: /^[0-9a-f]{2}\$argon2id\$/, hash: null }])
  t.equal(await left(), 0)
  t.ok(await isGood(MADE_UP))
})

t.test('the same random secret again changes nothing, before and after its first use', async (t) => {
  const { take, isGood } = await moved(t)
  await take({ client_secret: RANDOM })
  t.match(await take({ client_secret: RANDOM }), { status: 'unchanged' })
  await isGood(RANDOM)
  t.match(await take({ client_secret: RANDOM }), { status: 'unchanged' })
  t.match(await take({ client_secret: OTHER }), { status: 'updated' })
  t.notOk(await isGood(RANDOM))
  t.ok(await isGood(OTHER))
  t.match(await take({ client_secret: RANDOM }), { status: 'updated' }, 'also back')
})

t.test('a quick hash is wrong in another row, and no dump has the secret or its SHA-512', async (t) => {
  const { take, isGood, database, operations } = await moved(t)
  await take({ client_secret: RANDOM })
  await operations.accounts.import(TESTER, 'acme', [{ client_id: 'b', name: 'b', client_secret: OTHER }])
  const { rows } = await database.query('select * from foreign_hashes')
  const { createHash } = await import('node:crypto')
  for (const form of ['hex', 'base64', 'base64url'] as const)
    t.notMatch(JSON.stringify(rows), createHash('sha512').update(RANDOM).digest(form).slice(0, 40))
  t.notMatch(JSON.stringify(rows), RANDOM)
  await database.query(
    "update foreign_hashes set hash = (select hash from foreign_hashes where client_id = 'b') where client_id = 'a'",
  )
  t.notOk(await isGood(OTHER))
  t.notOk(await isGood(RANDOM))
})

t.test(
  'an imported secret and the one before its rotation are both good, the old one until its end',
  async (t) => {
    for (const [current, old] of [
      [RANDOM, OTHER],
      [MADE_UP, 'nR4+wq9K_sV2mXz7pL'],
    ] as const) {
      const { take, isGood, operations, clock, database } = await moved(t)
      const at = (seconds: number) => new Date(clock.now.getTime() + seconds * 1000).toISOString()
      const line = {
        client_secret: current,
        old_client_secret: old,
        old_secret_expires_at: at(600),
        secret_created_at: at(-1000),
        old_secret_created_at: at(-2000),
        created_at: at(-3000),
      }
      t.match(await take(line), { status: 'created' })
      t.match(await take(line), { status: 'unchanged' })
      t.ok(await isGood(current))
      t.ok(await isGood(old))
      t.match(await take(line), { status: 'unchanged' }, 'also once both were used')
      t.match(await operations.secrets.list(TESTER, 'acme', 'a'), [
        { createdAt: new Date(line.secret_created_at), expiresAt: undefined },
        { createdAt: new Date(line.old_secret_created_at), expiresAt: new Date(line.old_secret_expires_at) },
      ])
      const { createdAt } = await operations.accounts.find(TESTER, 'acme', 'a')
      t.same(createdAt, new Date(line.created_at))
      const { rows } = await database.query(
        "select details from audit_events where action = 'service-account.create'",
      )
      t.match(JSON.stringify(rows), 'old_ends_at')
      clock.advance(601)
      t.notOk(await isGood(old))
      t.ok(await isGood(current))
      t.match(await take(line), { status: 'unchanged' }, 'an old one that has ended is none')
    }
  },
)

t.test('a line without the old secret leaves it, and null ends it', async (t) => {
  const { take, isGood, clock } = await moved(t)
  const end = new Date(clock.now.getTime() + 600_000).toISOString()
  await take({ client_secret: RANDOM, old_client_secret: OTHER, old_secret_expires_at: end })
  t.match(await take({ client_secret: RANDOM }), { status: 'unchanged' })
  t.ok(await isGood(OTHER))
  t.match(await take({ client_secret: RANDOM, old_client_secret: null }), { status: 'updated' })
  t.notOk(await isGood(OTHER))
  t.ok(await isGood(RANDOM))
})

t.test('a rotation there after the first import is taken over by the next', async (t) => {
  const { take, isGood, clock } = await moved(t)
  const end = new Date(clock.now.getTime() + 600_000).toISOString()
  await take({ client_secret: OTHER, old_client_secret: null })
  const rotated = { client_secret: RANDOM, old_client_secret: OTHER, old_secret_expires_at: end }
  t.match(await take(rotated), { status: 'updated' })
  t.match(await take(rotated), { status: 'unchanged' })
  t.ok(await isGood(OTHER))
  t.ok(await isGood(RANDOM))
})

t.test('an old secret lives for 90 days at most, and the same line does not prolong it', async (t) => {
  const { take, operations, clock } = await moved(t)
  const start = clock.now.getTime()
  const line = {
    client_secret: RANDOM,
    old_client_secret: OTHER,
    old_secret_expires_at: new Date(start + 400 * 86_400_000).toISOString(),
  }
  await take(line)
  const endOf = async () => (await operations.secrets.list(TESTER, 'acme', 'a'))[1]?.expiresAt?.getTime()
  t.equal(await endOf(), start + 90 * 86_400_000)
  clock.advance(86_400)
  t.match(await take(line), { status: 'unchanged' })
  t.equal(await endOf(), start + 90 * 86_400_000)
})

t.test('a secret that was made here stays, whatever the line says of an old one', async (t) => {
  const { take, isGood, operations, clock } = await moved(t)
  await take({ client_secret: RANDOM })
  const { clientSecret } = await operations.secrets.reset(TESTER, 'acme', 'a')
  const end = new Date(clock.now.getTime() + 600_000).toISOString()
  const line = { client_secret: RANDOM, old_client_secret: OTHER, old_secret_expires_at: end }
  t.match(await take(line), { status: 'unchanged', detail: /made here/ })
  t.ok(await isGood(clientSecret))
  t.notOk(await isGood(OTHER))
})

t.test(
  'an old secret without a new one or an end, or with a wrong time, is refused by its name',
  async (t) => {
    const { take } = await moved(t)
    const end = '2026-12-31T00:00:00Z'
    for (const [field, line] of [
      ['old_client_secret', { old_client_secret: OTHER, old_secret_expires_at: end }],
      ['old_secret_expires_at', { client_secret: RANDOM, old_client_secret: OTHER }],
      [
        'old_client_secret',
        { client_secret: RANDOM, old_client_secret: 'password', old_secret_expires_at: end },
      ],
      ['old_client_secret', { client_secret: RANDOM, old_client_secret: 7, old_secret_expires_at: end }],
      [
        'old_secret_expires_at',
        { client_secret: RANDOM, old_client_secret: OTHER, old_secret_expires_at: 1798 },
      ],
      [
        'old_secret_expires_at',
        { client_secret: RANDOM, old_client_secret: OTHER, old_secret_expires_at: 'soon' },
      ],
      ['created_at', { created_at: '2026-13-45T00:00:00Z' }],
      ['created_at', { created_at: '0001-01-01T00:00:00Z' }],
      ['secret_created_at', { secret_created_at: null }],
    ] as const)
      t.match(
        await take(line),
        { status: 'refused', refusal: { code: 'invalid', field } },
        JSON.stringify(line),
      )
  },
)

t.test('a time of creation that is still to come counts as now', async (t) => {
  const { take, operations, clock } = await moved(t)
  const later = new Date(clock.now.getTime() + 60_000).toISOString()
  await take({ client_secret: RANDOM, created_at: later, secret_created_at: later })
  t.same((await operations.accounts.find(TESTER, 'acme', 'a')).createdAt, clock.now)
  t.match(await operations.secrets.list(TESTER, 'acme', 'a'), [{ createdAt: clock.now }])
})
