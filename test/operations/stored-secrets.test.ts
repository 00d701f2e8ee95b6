import { crc32 } from 'node:zlib'
import pg from 'pg'
import t from 'tap'
import { isGeneratedSecret } from '../../src/crypto/client-secret.ts'
import { TESTER, testServer } from '../support/server.ts'

const { operations, databaseUrl } = await testServer(t)
await operations.createRealm(TESTER, 'acme')

const database = new pg.Client(databaseUrl)
await database.connect()
t.teardown(() => database.end())

/** The secrets of a client as they are stored. */
async function stored(clientId: string) {
  const { rows } = await database.query('select phc, hmac from client_secrets where client_id = $1', [
    clientId,
  ])
  return rows as { phc: string; hmac: Buffer | null }[]
}

/** All that the database holds, as text. */
async function dump(): Promise<string> {
  const { rows } = await database.query(
    `select query_to_xml(format('select * from %I', table_name), true, false, '')::text as content
     from information_schema.tables where table_schema = 'public'`,
  )
  return rows.map(({ content }) => content).join('\n')
}

const PHC = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

t.test('a secret that the server makes has the documented form, with a checksum', async (t) => {
  const { account, clientSecret } = await operations.createServiceAccount(TESTER, 'acme', { name: 'form' })
  t.match(account.clientId, /^sa_[A-Za-z0-9._~-]{1,61}$/)
  t.match(clientSecret, /^mm_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/)
  const checksum = [...clientSecret.slice(-6)].reduce((sum, digit) => sum * 62 + BASE62.indexOf(digit), 0)
  t.equal(checksum, crc32(clientSecret.slice(0, 46)))
  t.ok(isGeneratedSecret(clientSecret))
  const typo = clientSecret.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))
  t.notOk(isGeneratedSecret(typo))
})

t.test('a generated secret is stored as argon2id, and as an HMAC of 256 bits', async (t) => {
  const { account } = await operations.createServiceAccount(TESTER, 'acme', { name: 'generated' })
  const [secret, ...more] = await stored(account.clientId)
  t.same(more, [])
  t.match(secret?.phc, PHC)
  t.equal(secret?.hmac?.length, 32)
})

t.test('an imported secret is stored as argon2id alone', async (t) => {
  const imported = { clientId: 'legacy', clientSecret: 'correct horse' }
  await operations.createServiceAccount(TESTER, 'acme', { name: 'imported', imported })
  const [secret] = await stored('legacy')
  t.match(secret?.phc, PHC)
  t.equal(secret?.hmac, null)
})

t.test('an import that looks like a generated secret is one', async (t) => {
  const { clientSecret } = await operations.createServiceAccount(TESTER, 'acme', { name: 'elsewhere' })
  await operations.createServiceAccount(TESTER, 'acme', {
    name: 'moved',
    imported: { clientId: 'moved', clientSecret },
  })
  t.equal((await stored('moved'))[0]?.hmac?.length, 32)
  await operations.authenticateClient('acme', { clientId: 'moved', clientSecret }, '::1')
})

t.test('any printable secret of 8 to 256 characters can be imported', async (t) => {
  const cases: [string, boolean][] = [
    ['8 charsä', true],
    ['x'.repeat(256), true],
    ['pass word: ü€🔑%&+=', true],
    ['7 chars', false],
    ['x'.repeat(257), false],
    ['tab\tinside', false],
    ['nul\0inside', false],
  ]
  for (const [n, [clientSecret, isGood]] of cases.entries()) {
    const clientId = `import-${n}`
    const creation = operations.createServiceAccount(TESTER, 'acme', {
      name: clientId,
      imported: { clientId, clientSecret },
    })
    if (!isGood) await t.rejects(creation, { code: 'invalid', field: 'client_secret' })
    else {
      await creation
      await operations.authenticateClient('acme', { clientId, clientSecret }, '::1')
    }
  }
})

t.test('the database holds no secret and no private key in clear', async (t) => {
  const made = await operations.createServiceAccount(TESTER, 'acme', { name: 'dump' })
  const reset = await operations.resetClientSecret(TESTER, 'acme', made.account.clientId)
  const content = await dump()
  t.match(content, made.account.clientId, 'the dump is one')
  for (const secret of [made.clientSecret, reset.clientSecret, 'correct horse'])
    for (const form of [
      secret,
      secret.slice(3, 46),
      Buffer.from(secret).toString('base64').slice(0, -4),
      Buffer.from(secret).toString('hex'),
    ])
      t.notOk(content.includes(form))
  t.notMatch(content, /"d" *:/)
  t.match(content, /<sealed_private_jwk>eyJ/)
})
