import pg from 'pg'
import t, { type Test } from 'tap'
import { FOREIGN_VECTORS } from '../support/foreign-hashes.ts'
import { untilLocked } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

const SECRET = 'kX8-vq2W_tR7nPz4mB'
const HASH = 'sha256:TkS5OKFzYaFCPEMPoXuIySZ6VwiBST9RmLehJZLt1rA='
const BCRYPT = '$2y$06$YJNcjWvSkquUJifG6wIIUenawvSG6dzqwvq4twZ2OixMRYnWQ7r1G'
const OTHER = 'sha256:DoH6Qd1eBy9BUm5ETXk6YpInpb6tfGI3lx6uaJy2JsA'

/** A realm and what a test needs to import into it and to ask it. */
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
    take: async (line: object) => {
      const [outcome] = await operations.accounts.import(TESTER, 'acme', [line])
      return outcome
    },
    /** From a network of its own, so that none is held back. */
    isGood: (clientId: string, clientSecret: string) => {
      const address = `10.${network >> 8}.${network++ & 255}.1`
      return operations.clients.authenticate('acme', { clientId, clientSecret }, address).then(
        () => true,
        (error: { code?: string }) => (error.code === 'invalid_client' ? false : Promise.reject(error)),
      )
    },
    kindOf: async (clientId: string) =>
      (await operations.accounts.find(TESTER, 'acme', clientId)).foreignHash,
  }
}

t.test(
  'a secret that came as the hash of another program gets a token, and no other secret does',
  async (t) => {
    const { take, isGood, kindOf } = await moved(t)
    for (const [n, { by, secret, hash }] of FOREIGN_VECTORS.entries()) {
      const clientId = `client-${n}`
      t.match(await take({ client_id: clientId, name: by + n, secret_hash: hash }), { status: 'created' }, by)
      t.notOk(await isGood(clientId, `${secret}x`), `${by}: a wrong secret`)
      t.ok(await kindOf(clientId), `${by}: it is foreign until it is used`)
      t.ok(await isGood(clientId, secret), `${by}: the right secret`)
      t.equal(await kindOf(clientId), undefined, `${by}: the first use replaced it`)
      t.notOk(await isGood(clientId, `${secret}x`), `${by}: a wrong secret afterwards`)
      t.ok(await isGood(clientId, secret), `${by}: the right secret afterwards`)
    }
  },
)

t.test('of a secret over 72 bytes bcrypt accepts no part', async (t) => {
  const { take, isGood } = await moved(t)
  const long = 'kX8vq2WtR7nPz4mB'.repeat(5)
  // Of the first 72 bytes, which are all that bcrypt looks at.
  const { hash } = await import('@node-rs/bcrypt')
  await take({ client_id: 'long', name: 'long', secret_hash: await hash(long.slice(0, 72), 4) })
  t.notOk(await isGood('long', long))
  t.notOk(await isGood('long', `${long.slice(0, 71)}\0`))
  t.ok(await isGood('long', long.slice(0, 72)))
})

t.test('a foreign hash is stored keyed and bound to its row, and is gone after the first use', async (t) => {
  const { take, isGood, database } = await moved(t)
  await take({ client_id: 'a', name: 'a', secret_hash: HASH })
  await take({ client_id: 'b', name: 'b', secret_hash: OTHER })
  const dump = async () =>
    JSON.stringify([
      (await database.query('select * from foreign_hashes')).rows,
      (await database.query('select * from client_secrets')).rows,
      (await database.query('select * from audit_events')).rows,
    ])
  const digest = Buffer.from(HASH.slice(7), 'base64')
  for (const form of ['base64', 'base64url', 'hex'] as const)
    t.notMatch(await dump(), digest.toString(form).replace(/=+$/, ''), `no digest in ${form}`)
  await database.query(
    "update foreign_hashes set hash = (select hash from foreign_hashes where client_id = 'a') where client_id = 'b'",
  )
  t.notOk(await isGood('b', SECRET), 'a hash that was copied to another row is wrong')
  t.ok(await isGood('a', SECRET))
  const { rows } = await database.query("select hash, fingerprint from foreign_hashes where client_id = 'a'")
  t.match(rows, [{ hash: null, fingerprint: Buffer }])
  t.match((await database.query("select keyed_phc from client_secrets where client_id = 'a'")).rows, [
    { keyed_phc: /^[0-9a-f]{2}\$argon2id\$/ },
  ])
})

t.test('many first uses at once all succeed, and leave one hash of ours', async (t) => {
  const { take, operations, kindOf, database } = await moved(t)
  await take({ client_id: 'a', name: 'a', secret_hash: BCRYPT })
  const credentials = { clientId: 'a', clientSecret: SECRET }
  const ask = () => operations.clients.authenticate('acme', credentials, '192.0.2.1')
  t.equal((await Promise.all(Array.from({ length: 20 }, ask))).length, 20)
  t.equal(await kindOf('a'), undefined)
  t.equal((await database.query('select from client_secrets')).rowCount, 1)
})

t.test(
  'a reset or deletion while a foreign secret is checked is not undone by its replacement',
  async (t) => {
    const { take, operations, isGood, database, databaseUrl } = await moved(t)
    for (const clientId of ['reset', 'deleted']) {
      await take({ client_id: clientId, name: clientId, secret_hash: BCRYPT })
      // The replacement waits for this row, while the account is changed.
      await database.query('begin')
      await database.query('select from client_secrets where client_id = $1 for update', [clientId])
      const asked = isGood(clientId, SECRET)
      const changed =
        clientId === 'reset'
          ? operations.secrets.reset(TESTER, 'acme', clientId)
          : operations.accounts.delete(TESTER, 'acme', clientId)
      await untilLocked(databaseUrl, 2)
      await database.query('commit')
      t.ok(await asked, 'it was right when it was checked')
      await changed
      t.notOk(await isGood(clientId, SECRET), `${clientId}: it is refused from then on`)
    }
  },
)

t.test('wrong guesses at a foreign secret are limited as those at an imported one', async (t) => {
  const { take, operations } = await moved(t)
  await take({ client_id: 'a', name: 'a', secret_hash: HASH })
  const guess = () =>
    operations.clients
      .authenticate('acme', { clientId: 'a', clientSecret: 'wrong-wrong-wrong' }, '192.0.2.1')
      .catch((error: Error) => error)
  for (let n = 0; n < 5; n++) t.match(await guess(), { code: 'invalid_client' })
  t.match(await guess(), { name: 'TooManyFailuresError' })
})

t.test('the first use succeeds though its replacement cannot be written', async (t) => {
  const { take, operations, isGood, kindOf, database, warnings } = await moved(t)
  await take({ client_id: 'a', name: 'a', secret_hash: HASH })
  await database.query('alter table foreign_hashes add constraint stays check (hash is not null)')
  t.ok(await isGood('a', SECRET))
  t.equal(await kindOf('a'), 'sha256')
  t.match(warnings.join(), /client a could not be replaced/)
  await database.query('alter table foreign_hashes drop constraint stays')
  t.ok(await isGood('a', SECRET))
  t.equal(await kindOf('a'), undefined)
  t.equal(await operations.accounts.countForeignHashes(TESTER, 'acme'), 0)
})
