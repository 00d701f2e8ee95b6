import t from 'tap'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const ADDRESS = '192.0.2.1'

t.test('requests that arrive together or while rows are being read share reads', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', {})
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'one' })
  const credentials = { clientId: account.clientId, clientSecret }
  const ask = () => operations.clients.authenticate('acme', credentials, ADDRESS)
  await ask()
  const before = await operations.measurements.take()

  const early = Array.from({ length: 300 }, ask)
  await new Promise(setImmediate)
  const late = Array.from({ length: 300 }, ask)
  await Promise.all([...early, ...late])

  const after = await operations.measurements.take()
  t.equal(after.lookups - before.lookups, 600)
  // One row for those that came early, one for those that came while it was read.
  t.equal(after.lookupBatches - before.lookupBatches, 2)
})

t.test('no request is answered from a row that was read before it arrived', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', {})
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'one' })
  const { clientId } = account
  let secret = clientSecret
  let asking = true
  // Keeps reads under way all the time.
  const load = Array.from({ length: 20 }, async () => {
    while (asking)
      await operations.clients
        .authenticate('acme', { clientId, clientSecret: secret }, ADDRESS)
        .catch(() => {})
  })

  for (let i = 0; i < 10; i++) {
    const old = { clientId, clientSecret: secret }
    ;({ clientSecret: secret } = await operations.secrets.reset(TESTER, 'acme', clientId))
    await t.rejects(operations.clients.authenticate('acme', old, ADDRESS))
    const client = await operations.clients.authenticate('acme', { clientId, clientSecret: secret }, ADDRESS)
    t.equal(client.account.clientId, clientId)
  }
  asking = false
  await Promise.all(load)
})

t.test(
  'no client_id that a stranger makes up fails the requests that are read together with it',
  async (t) => {
    const { operations } = await testServer(t)
    await operations.realms.create(TESTER, 'acme', {})
    const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'one' })
    const credentials = { clientId: account.clientId, clientSecret }
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const client_id of ['a\0b', 'a\ud800', '', 'x'.repeat(100_000)]) {
      const claims = { iss: `${PUBLIC_URL}/realms/acme`, client_id }
      const token = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })}.${encode(claims)}.c2ln`
      const refused = t.rejects(operations.presentedTokens.verify(token), { code: 'invalid_token' })
      const { account: found } = await operations.clients.authenticate('acme', credentials, ADDRESS)
      t.equal(found.clientId, account.clientId)
      await refused
    }
  },
)
