import t from 'tap'
import { MASTER_KEY, TESTER, testServer } from '../support/server.ts'

const NEWER = Buffer.alloc(32, 8).toString('base64url')
const PATH = '/realms/acme/protocol/openid-connect'

t.test('a node that lacks the newest master key answers 503, is not ready, and says why once', async (t) => {
  const lacking = await testServer(t)
  const newer = await testServer(t, { databaseUrl: lacking.databaseUrl, masterKeys: [NEWER, MASTER_KEY] })
  await newer.operations.realms.create(TESTER, 'acme')
  const made = await newer.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const token = () =>
    lacking.app.inject({
      method: 'POST',
      url: `${PATH}/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: made.account.clientId,
        client_secret: made.clientSecret,
      }).toString(),
    })
  t.equal((await lacking.app.inject('/health/ready')).statusCode, 200)
  for (let i = 0; i < 2; i++) {
    const answer = await token()
    t.match([answer.statusCode, answer.json().error], [503, 'temporarily_unavailable'])
    t.ok(answer.headers['retry-after'])
    t.equal((await lacking.app.inject(`${PATH}/certs`)).statusCode, 503)
    t.equal((await lacking.app.inject(`${PATH}/status-lists/0`)).statusCode, 503)
  }
  t.match(lacking.log.join(), 'sealed under a master key that this node does not have')
  t.equal(lacking.warnings.filter((line) => line.includes('master-key --help')).length, 1)
  const ready = await lacking.app.inject('/health/ready')
  t.match([ready.statusCode, ready.json().hindrances], [503, ['a master key is missing']])

  // Sealed again under a key that it has, the realm opens.
  const back = await testServer(t, { databaseUrl: lacking.databaseUrl, masterKeys: [MASTER_KEY, NEWER] })
  await back.operations.masterKey.rotate(TESTER)
  t.equal((await lacking.app.inject('/health/ready')).statusCode, 200)
  t.equal((await token()).statusCode, 200)
})
