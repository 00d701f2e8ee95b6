import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { verify } from '@node-rs/argon2'
import pg from 'pg'
import t from 'tap'
import { ARGON2_COST } from '../../src/crypto/argon2-pool.ts'
import { isGeneratedSecret } from '../../src/crypto/client-secret.ts'
import { TESTER, testServer } from '../support/server.ts'

const { operations, databaseUrl } = await testServer(t, { hashCost: ARGON2_COST })
await operations.realms.create(TESTER, 'acme')

const database = new pg.Client(databaseUrl)
await database.connect()
t.teardown(() => database.end())

/** The secrets of a client as they are stored. */
async function stored(clientId: string) {
  const { rows } = await database.query(
    'select phc, hmac, bound_hmac, keyed_phc from client_secrets where client_id = $1',
    [clientId],
  )
  return rows as { phc: string; hmac: Buffer | null; bound_hmac: Buffer | null; keyed_phc: string | null }[]
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
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'form' })
  t.match(account.clientId, /^sa_[A-Za-z0-9._~-]{1,61}$/)
  t.match(clientSecret, /^mm_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/)
  const checksum = [...clientSecret.slice(-6)].reduce((sum, digit) => sum * 62 + BASE62.indexOf(digit), 0)
  t.equal(checksum, crc32(clientSecret.slice(0, 46)))
  t.ok(isGeneratedSecret(clientSecret))
  const typo = clientSecret.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))
  t.notOk(isGeneratedSecret(typo))
})

t.test('a generated secret is stored as argon2id, and as an HMAC of 256 bits', async (t) => {
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'generated' })
  const [secret, ...more] = await stored(account.clientId)
  t.same(more, [])
  t.match(secret?.phc, PHC)
  t.equal(secret?.hmac?.length, 32)
  t.equal(secret?.bound_hmac?.length, 32)
  t.notSame(secret?.hmac, secret?.bound_hmac)
})

t.test('nothing stored of an imported secret can check a guess', async (t) => {
  const clientSecret = 'correct horse'
  const imported = { clientId: 'legacy', clientSecret }
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'imported', imported })
  const [secret] = await stored('legacy')
  t.equal(secret?.phc, '')
  t.equal(secret?.hmac, null)
  t.equal(secret?.bound_hmac, null)
  t.match(
    secret?.keyed_phc,
    /^[0-9a-f]{2}\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
  )
  const phc = String(secret?.keyed_phc).slice(2)
  t.equal(await verify(phc, clientSecret), false)
  t.equal(await verify(phc, `${account.realmId}/legacy/${clientSecret}`), false)
})

t.test('a secret that is moved to another account, or to another realm, is wrong there', async (t) => {
  await operations.realms.create(TESTER, 'other')
  const imported = { clientId: 'mover', clientSecret: 'correct horse battery' }
  const mine = await operations.accounts.create(TESTER, 'acme', { name: 'mine' })
  await operations.accounts.create(TESTER, 'acme', { name: 'mover', imported })
  for (const [clientId, clientSecret] of [
    [mine.account.clientId, mine.clientSecret],
    ['mover', imported.clientSecret],
  ] as const)
    for (const realm of ['acme', 'other']) {
      const victim = await operations.accounts.create(TESTER, realm, { name: `victim of ${clientId}` })
      await database.query(`update realms set imports_secrets = true, version = version + 1`)
      await database.query(
        `update client_secrets v set phc = m.phc, hmac = m.hmac, bound_hmac = m.bound_hmac, keyed_phc = m.keyed_phc
         from client_secrets m where m.client_id = $1 and v.client_id = $2`,
        [clientId, victim.account.clientId],
      )
      const presented = { clientId: victim.account.clientId, clientSecret }
      await t.rejects(operations.clients.authenticate(realm, presented, '192.0.2.1'), {
        code: 'invalid_client',
      })
      t.ok(await operations.clients.authenticate('acme', { clientId, clientSecret }, '192.0.2.1'))
    }
})

t.test(
  'a secret of the generated form cannot be imported, since it would be checked without a limit',
  async (t) => {
    const { clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'elsewhere' })
    const imported = { clientId: 'moved', clientSecret }
    await t.rejects(operations.accounts.create(TESTER, 'acme', { name: 'moved', imported }), {
      code: 'invalid',
      field: 'client_secret',
    })
  },
)

t.test(
  'any printable secret of 12 to 256 characters can be imported that is not easy to guess',
  async (t) => {
    const cases: [string, boolean][] = [
      ['12 chars: äö', true],
      [randomBytes(128).toString('hex'), true],
      ['550e8400-e29b-41d4-a716-446655440000', true],
      ['pass word: ü€🔑%&+=', true],
      ['11 chars: ä', false],
      [`x${randomBytes(128).toString('hex')}`, false],
      ['tab\tinside: 4zK9', false],
      ['nul\0inside: 4zK9', false],
      ['password', false],
      ['12345678', false],
      ['Password2024!', false],
      ['qwertyuiop12', false],
      ['123456789012', false],
      ['abcabcabcabc', false],
      ['x'.repeat(256), false],
    ]
    for (const [n, [clientSecret, isGood]] of cases.entries()) {
      const clientId = `import-${n}`
      const creation = operations.accounts.create(TESTER, 'acme', {
        name: clientId,
        imported: { clientId, clientSecret },
      })
      if (!isGood) await t.rejects(creation, { code: 'invalid', field: 'client_secret' }, clientSecret)
      else {
        await creation
        await operations.clients.authenticate('acme', { clientId, clientSecret }, '::1')
      }
    }
  },
)

t.test('a bootstrap secret that could be guessed is refused by the name of its variable', async (t) => {
  await t.rejects(operations.bootstrap.createAdministrator('root', 'password1234'), {
    message: /^BOOTSTRAP_ADMIN_CLIENT_SECRET: .* could be guessed/,
  })
})

t.test('the database holds no secret and no private key in clear', async (t) => {
  const made = await operations.accounts.create(TESTER, 'acme', { name: 'dump' })
  const reset = await operations.secrets.reset(TESTER, 'acme', made.account.clientId)
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
