import t, { type Test } from 'tap'
import { openOperations } from '../../src/operations/open.ts'
import type { Operations } from '../../src/operations/operations.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testClock } from '../support/server.ts'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64url')
const ADDRESS = '192.0.2.1'

/** Makes nodes with the master keys that they are given, on one database. */
async function nodesOnOneDatabase(t: Test): Promise<(...masterKeys: string[]) => Promise<Operations>> {
  const databaseUrl = await testDatabase(t)
  const clock = testClock()
  return async (...masterKeys) => {
    const { operations, close } = await openOperations({
      databaseUrl,
      masterKeys,
      clock: clock.read,
      dataDir: '/proc/none',
      publicUrl: 'https://auth.test',
      poolSize: 2,
      databaseWaitSeconds: 5,
      log: () => {},
    })
    t.teardown(close)
    return operations
  }
}

/** Makes a realm by one node. What it returns asks any node for a token there. */
async function madeBy(maker: Operations, name: string): Promise<(node: Operations) => Promise<string>> {
  await maker.realms.create(TESTER, name)
  const { account, clientSecret } = await maker.accounts.create(TESTER, name, { name: 'CI' })
  const credentials = { clientId: account.clientId, clientSecret }
  const request = { scope: undefined, targets: { resources: [], audience: undefined } }
  return async (node) => {
    const client = await node.clients.authenticate(name, credentials, ADDRESS)
    return (await node.tokens.issue(client, request, ADDRESS)).value
  }
}

t.test(
  'under a new master key alone the same secrets and signing keys work, and the old one opens nothing',
  async (t) => {
    const opened = await nodesOnOneDatabase(t)
    const before = await opened(key(1))
    const tokenOf = await madeBy(before, 'acme')
    await before.signingKeys.rotate(TESTER, 'acme')

    const between = await opened(key(2), key(1))
    // A node that has yet to hear of the new key makes another one under the old.
    await before.realms.create(TESTER, 'late')
    // Two of acme, one of late, those of the verifiers and of the portal.
    t.equal(await between.masterKey.rotate(TESTER), 5)
    t.equal(await between.masterKey.rotate(TESTER), 0)

    const after = await opened(key(2))
    t.match((await after.presentedTokens.verify(await tokenOf(after))).account.clientId, /^sa_/)
    await t.rejects(opened(key(1)), { name: 'WrongMasterKeyError' })
    const { items } = await after.audit.list(TESTER, undefined, {
      action: 'master-key.rotate',
      limit: 10,
    })
    t.same(
      items.map(({ details }) => details),
      [
        { stage: 'finished', resealed: 0 },
        { stage: 'started' },
        { stage: 'finished', resealed: 5 },
        { stage: 'started' },
      ],
      'a line before the first key is sealed anew, and one after the last',
    )
  },
)

t.test(
  'while it is replaced step by step, nodes of one step and of the next open what each other sealed',
  async (t) => {
    const opened = await nodesOnOneDatabase(t)
    const steps = [[key(1)], [key(1), key(2)], [key(2), key(1)], [key(2)]]
    const nodes: Operations[] = []
    for (const [step, keys] of steps.entries()) {
      const before = nodes.at(-1)
      // As the instructions say: before the old key is taken away.
      if (step === 3) await before?.masterKey.rotate(TESTER)
      const node = await opened(...keys)
      nodes.push(node)
      if (!before) continue
      t.ok(await (await madeBy(node, `by-${step}`))(before), `${step}: the one that has yet to be restarted`)
      t.ok(await (await madeBy(before, `before-${step}`))(node), `${step}: the one that was`)
    }
  },
)

t.test('a key that did not open is looked at again by the next request', async (t) => {
  const opened = await nodesOnOneDatabase(t)
  const old = await opened(key(1))
  const tokenOf = await madeBy(await opened(key(2), key(1)), 'acme')
  await t.rejects(tokenOf(old), { code: 'temporarily_unavailable' })
  await (await opened(key(1), key(2))).masterKey.rotate(TESTER)
  t.ok(await tokenOf(old))
})

t.test(
  'after a compromise no old key signs, is published or verifies, and clients go on with their secrets',
  async (t) => {
    const opened = await nodesOnOneDatabase(t)
    const stolen = await opened(key(1))
    const tokenOf = await madeBy(stolen, 'acme')
    await stolen.signingKeys.rotate(TESTER, 'acme')
    const old = await tokenOf(stolen)
    const { keys } = await stolen.publishedRealms.find('acme')
    t.equal(keys.length, 2)
    const { url } = await stolen.portal.createLink(TESTER, 'acme')
    const code = new URL(url).hash.slice(1)
    const cookie = await stolen.portal.signInWithLink('acme', code, ADDRESS)

    const node = await opened(key(2), key(1))
    await node.masterKey.rotate(TESTER)
    t.match(await node.masterKey.replaceCompromised(TESTER), { realms: 1, signingKeys: 2, portalSessions: 1 })
    const after = await opened(key(2))
    for (const one of [node, after]) {
      await t.rejects(one.presentedTokens.verify(old), { code: 'invalid_token' })
      const kids = (await one.publishedRealms.find('acme')).keys.map(({ kid }) => kid)
      for (const { kid } of keys) t.notOk(kids.includes(kid))
      t.ok(await one.presentedTokens.verify(await tokenOf(one)))
    }
    t.equal(await after.portalVisits.find([cookie], 'acme'), undefined)
    const { items } = await after.audit.list(TESTER, undefined, {
      action: 'master-key.rotate',
      limit: 1,
    })
    t.match(items, [{ details: { after_compromise: true, realms: 1, signingKeys: 2 } }])
    const admin = { ...TESTER, authority: { platform: false, realm: 'acme', access: 'administer' } } as const
    await t.rejects(after.masterKey.replaceCompromised(admin), { code: 'forbidden' })
  },
)

t.test(
  'rotation is refused while a running server lacks the new master key, and changes nothing',
  async (t) => {
    const opened = await nodesOnOneDatabase(t)
    const old = await opened(key(1))
    const both = await opened(key(2), key(1))
    await madeBy(old, 'acme')
    await old.masterKey.announce('a', 'host-a:8080')
    await both.masterKey.announce('b', 'host-b:8080')
    await t.rejects(both.masterKey.rotate(TESTER), {
      code: 'conflict',
      message: /first master key of this command: host-a:8080\. Give/,
    })
    await madeBy(old, 'still-opens')
    await (await opened(key(1), key(2))).masterKey.announce('a', 'host-a:8080')
    t.ok((await both.masterKey.rotate(TESTER)) > 0, 'it can open what is sealed now')

    await old.masterKey.announce('c', 'host-c:8080')
    await t.rejects(both.masterKey.rotate(TESTER), { code: 'conflict' })
    await old.masterKey.withdraw('c')
    t.equal(await both.masterKey.rotate(TESTER), 0, 'one that has stopped does not count')
  },
)
