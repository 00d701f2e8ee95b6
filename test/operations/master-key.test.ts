import t from 'tap'
import { openOperations } from '../../src/operations/open.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testClock } from '../support/server.ts'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64url')
const ADDRESS = '192.0.2.1'

t.test(
  'under a new master key alone the same secrets and signing keys work, and the old one opens nothing',
  async (t) => {
    const databaseUrl = await testDatabase(t)
    const clock = testClock()
    const opened = async (...masterKeys: string[]) => {
      const { operations, close } = await openOperations({
        databaseUrl,
        masterKeys,
        clock: clock.read,
        dataDir: '/nonexistent',
        publicUrl: 'https://auth.test',
        poolSize: 2,
        databaseWaitSeconds: 5,
        log: () => {},
      })
      t.teardown(close)
      return operations
    }
    const before = await opened(key(1))
    await before.createRealm(TESTER, 'acme')
    await before.rotateSigningKey(TESTER, 'acme')
    const { account, clientSecret } = await before.createServiceAccount(TESTER, 'acme', { name: 'CI' })

    const between = await opened(key(2), key(1))
    // A node that has yet to hear of the new key makes another one under the old.
    await before.createRealm(TESTER, 'late')
    // Two of acme, one of late, those of the verifiers and of the portal.
    t.equal(await between.rotateMasterKey(TESTER), 5)
    t.equal(await between.rotateMasterKey(TESTER), 0)

    const after = await opened(key(2))
    const request = { scope: undefined, targets: { resources: [], audience: undefined } }
    const client = await after.authenticateClient(
      'acme',
      { clientId: account.clientId, clientSecret },
      ADDRESS,
    )
    const { value } = await after.issueAccessToken(client, request, ADDRESS)
    t.equal((await after.verifyPresentedToken(value)).account.clientId, account.clientId)
    await t.rejects(opened(key(1)), { name: 'WrongMasterKeyError' })
    const { items } = await after.listAuditEvents(TESTER, undefined, {
      action: 'master-key.rotate',
      limit: 10,
    })
    t.match(items, [{ details: { resealed: 0 } }, { details: { resealed: 5 } }])
  },
)
