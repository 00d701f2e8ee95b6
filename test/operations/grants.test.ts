import t from 'tap'
import type { Actor } from '../../src/domain/actor.ts'
import { TESTER, testServer } from '../support/server.ts'

const eu = { type: 'device_group', id: 'eu-edge' }
const d1 = { type: 'device', id: 'd1' }
const on = (role: string, { type, id }: { type: string; id: string }) => ({ role, type, id })

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
  await operations.resources.put(TESTER, 'acme', { ...eu, name: 'Edge, Europe' })
  await operations.resources.put(TESTER, 'acme', d1)
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  const credentials = { clientId, clientSecret }
  const claims = async (details?: { type: string; identifier: string }[]) => {
    const client = await operations.clients.authenticate('acme', credentials, '127.0.0.1')
    const targets = { resources: [], audience: undefined }
    return (await operations.tokens.issue(client, { scope: undefined, targets, details }, '127.0.0.1')).claims
  }
  const present = async (details?: { type: string; identifier: string }[]) => {
    const client = await operations.clients.authenticate('acme', credentials, '127.0.0.1')
    const targets = { resources: [], audience: undefined }
    const { value } = await operations.tokens.issue(
      client,
      { scope: undefined, targets, details },
      '127.0.0.1',
    )
    const caller = Promise.resolve({
      loaded: client.loaded,
      account: { ...client.account, roles: ['introspect'] },
    })
    return async () => {
      const { introspection } = await operations.introspection.introspect('acme', caller, value, true)
      return (
        'authorization_details' in introspection ? introspection['authorization_details'] : []
      ) as unknown[]
    }
  }
  const grants = async () =>
    (await operations.grants.list(TESTER, 'acme', clientId, { limit: 100 })).items.map(
      ({ role, type, id }) => `${role} ${type}/${id}`,
    )
  return { ...server, clientId, claims, present, grants }
}

t.test('a grant is in the very next token, and in none after it is taken away', async (t) => {
  const { operations, clientId, claims } = await acme(t)
  t.notOk('authorization_details' in (await claims()))
  t.ok((await operations.grants.add(TESTER, 'acme', clientId, on('operate', eu))).added)
  t.notOk((await operations.grants.add(TESTER, 'acme', clientId, on('operate', eu))).added, 'once is enough')
  await operations.grants.add(TESTER, 'acme', clientId, on('view', eu))
  await operations.grants.add(TESTER, 'acme', clientId, on('deployer', d1))
  const { authorization_details, roles } = await claims()
  t.same(authorization_details, [
    { type: 'device', identifier: 'd1', privileges: ['deployer'] },
    { type: 'device_group', identifier: 'eu-edge', privileges: ['operate', 'view'] },
  ])
  t.same(roles, ['view'])
  for (const grant of [on('operate', eu), on('view', eu), on('deployer', d1)])
    await operations.grants.remove(TESTER, 'acme', clientId, grant)
  t.notOk('authorization_details' in (await claims()))
})

t.test('the list comes in pages and is searched by name and id', async (t) => {
  const { operations, clientId } = await acme(t)
  const all = [on('deployer', d1), on('view', d1), on('operate', eu)]
  await operations.grants.replace(TESTER, 'acme', clientId, all)
  const found: unknown[] = []
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await operations.grants.list(TESTER, 'acme', clientId, { after, limit: 2 })
    found.push(...page.items.map(({ role, type, id }) => ({ role, type, id })))
    after = page.next
  }
  t.same(found, all)
  const find = async (filter: object) =>
    (await operations.grants.list(TESTER, 'acme', clientId, { limit: 5, ...filter })).items
  t.match(await find({ contains: 'EUROPE' }), [{ ...on('operate', eu), name: 'Edge, Europe' }])
  t.match(await find({ type: 'device', contains: 'd' }), [{ id: 'd1' }, { id: 'd1' }])
  await t.rejects(operations.grants.list(TESTER, 'acme', clientId, { after: 'view/x', limit: 1 }), {
    code: 'invalid',
    field: 'cursor',
  })
  await t.rejects(operations.grants.list(TESTER, 'acme', 'nobody', { limit: 1 }), { code: 'not_found' })
})

t.test('replacing takes away all others, and the trail says what came and went', async (t) => {
  const { operations, clientId, grants } = await acme(t)
  await operations.grants.replace(TESTER, 'acme', clientId, [on('view', d1), on('view', eu)])
  await operations.grants.replace(TESTER, 'acme', clientId, [
    on('operate', eu),
    on('view', eu),
    on('view', eu),
  ])
  t.same(await grants(), ['operate device_group/eu-edge', 'view device_group/eu-edge'])
  const { items } = await operations.audit.list(TESTER, 'acme', { action: 'grant.replace', limit: 1 })
  t.match(items, [
    {
      target: clientId,
      outcome: 'done',
      details: {
        grants_added: 1,
        grants_removed: 1,
        added: [on('operate', eu)],
        removed: [on('view', d1)],
      },
    },
  ])
  await operations.grants.replace(TESTER, 'acme', clientId, [])
  t.same(await grants(), [])
})

t.test('a grant names a role of the realm, a resource that is there, and an account', async (t) => {
  const { operations, clientId } = await acme(t)
  const add = (grant: { role: string; type: string; id: string }, account = clientId) =>
    operations.grants.add(TESTER, 'acme', account, grant)
  for (const role of ['nothing', 'account-admin', 'platform-admin'])
    await t.rejects(add(on(role, d1)), { code: 'invalid', field: 'role' })
  await t.rejects(add(on('view', { type: 'device', id: 'D1' })), { code: 'invalid', field: 'id' })
  await t.rejects(add(on('view', { type: 'car', id: 'd1' })), { code: 'invalid', field: 'id' })
  await t.rejects(add(on('view', d1), 'nobody'), { code: 'not_found', field: 'client_id' })
  await t.rejects(operations.grants.remove(TESTER, 'acme', clientId, on('view', d1)), { code: 'not_found' })
  const { items } = await operations.audit.list(TESTER, 'acme', { action: 'grant.add', limit: 10 })
  t.equal(items.length, 6)
  t.ok(items.every(({ outcome }) => outcome === 'refused'))
})

t.test('only an administrator of the realm grants', async (t) => {
  const { operations, clientId, grants } = await acme(t)
  const actor = (realm: string, access: 'view' | 'administer' | 'none'): Actor => ({
    ...TESTER,
    authority: { platform: false, realm, access },
  })
  const grant = on('view', d1)
  await operations.grants.add(actor('acme', 'administer'), 'acme', clientId, grant)
  for (const [who, code] of [
    [actor('acme', 'view'), 'forbidden'],
    [actor('acme', 'none'), 'forbidden'],
    [actor('other', 'administer'), 'not_found'],
  ] as const) {
    await t.rejects(operations.grants.add(who, 'acme', clientId, on('view', eu)), { code })
    await t.rejects(operations.grants.remove(who, 'acme', clientId, grant), { code })
    await t.rejects(operations.grants.replace(who, 'acme', clientId, []), { code })
    await t.rejects(operations.accounts.addRole(who, 'acme', clientId, 'manage'), { code })
    await t.rejects(operations.accounts.removeRole(who, 'acme', clientId, 'view'), { code })
  }
  t.equal(
    (await operations.grants.list(actor('acme', 'view'), 'acme', clientId, { limit: 1 })).items.length,
    1,
  )
  await t.rejects(operations.grants.list(actor('other', 'view'), 'acme', clientId, { limit: 1 }), {
    code: 'not_found',
  })
  t.same(await grants(), ['view device/d1'])
})

t.test('grants too many for a token are left out of it, and can be asked for in part', async (t) => {
  const { operations, clientId, claims, present, cutDatabase } = await acme(t)
  const devices = Array.from({ length: 300 }, (_, i) => ({ type: 'device', id: `device-${i}` }))
  await operations.resources.import(TESTER, 'acme', devices)
  await operations.grants.replace(
    TESTER,
    'acme',
    clientId,
    devices.map((device) => on('view', device)),
  )
  const token = await claims()
  t.notOk('authorization_details' in token)
  t.equal(token.authorization_details_omitted, true)
  const whole = await present()
  t.equal((await whole()).length, 300)

  const asked = [{ type: 'device', identifier: 'device-7' }]
  t.same((await claims(asked)).authorization_details, [{ ...asked[0], privileges: ['view'] }])
  const part = await present(asked)
  t.same(await part(), [{ ...asked[0], privileges: ['view'] }])
  await t.rejects(claims([{ type: 'device', identifier: 'd1' }]), { code: 'invalid_authorization_details' })

  await operations.grants.replace(TESTER, 'acme', clientId, [on('view', eu)])
  t.same((await claims()).authorization_details?.length, 1)
  t.same(await part(), [], 'what was taken away is no longer held')
  t.same(await whole(), [{ type: 'device_group', identifier: 'eu-edge', privileges: ['view'] }])
  const none = await present([])
  t.same(await none(), [])

  await operations.grants.replace(
    TESTER,
    'acme',
    clientId,
    devices.map((device) => on('view', device)),
  )
  const client = await operations.clients.authenticate(
    'acme',
    { clientId, clientSecret: (await operations.secrets.reset(TESTER, 'acme', clientId)).clientSecret },
    '127.0.0.1',
  )
  const giveBack = await cutDatabase()
  t.teardown(giveBack)
  const targets = { resources: [], audience: undefined }
  await t.rejects(operations.tokens.issue(client, { scope: undefined, targets, details: asked }, ''), {
    code: 'temporarily_unavailable',
  })
})

t.test('a token has its grants up to the stated size, and not beyond', async (t) => {
  const { operations, clientId, claims } = await acme(t)
  const entry = JSON.stringify({ type: 'device', identifier: 'device-100', privileges: ['view'] })
  const fit = Math.floor((4096 - 1) / (entry.length + 1))
  const devices = Array.from({ length: fit + 1 }, (_, i) => ({ type: 'device', id: `device-${100 + i}` }))
  await operations.resources.import(TESTER, 'acme', devices)
  const grants = devices.map((device) => on('view', device))
  await operations.grants.replace(TESTER, 'acme', clientId, grants.slice(0, fit))
  t.equal((await claims()).authorization_details?.length, fit)
  await operations.grants.add(TESTER, 'acme', clientId, grants[fit] as (typeof grants)[0])
  t.equal((await claims()).authorization_details_omitted, true)
  await operations.grants.remove(TESTER, 'acme', clientId, grants[0] as (typeof grants)[0])
  t.equal((await claims()).authorization_details?.length, fit)
})

t.test('an account has ten thousand grants at most', async (t) => {
  const { operations, clientId } = await acme(t)
  const devices = Array.from({ length: 10_001 }, (_, i) => ({ type: 'device', id: `n${i}` }))
  for (let start = 0; start < devices.length; start += 1000)
    await operations.resources.import(TESTER, 'acme', devices.slice(start, start + 1000))
  const grants = devices.map((device) => on('view', device))
  const limit = { code: 'limit_reached' }
  await t.rejects(operations.grants.replace(TESTER, 'acme', clientId, grants), limit)
  await operations.grants.replace(TESTER, 'acme', clientId, grants.slice(1))
  await t.rejects(operations.grants.add(TESTER, 'acme', clientId, on('view', d1)), limit)
  await operations.grants.replace(TESTER, 'acme', clientId, [])
  const { items } = await operations.audit.list(TESTER, 'acme', { action: 'grant.replace', limit: 2 })
  const [emptied, filled] = items.map(({ details }) => details)
  t.match(filled, { grants_added: 10_000, grants_removed: 0, removed: [] })
  t.match(emptied, { grants_added: 0, grants_removed: 10_000, added: [] })
  for (const told of [filled?.['added'], emptied?.['removed']])
    t.match(told, { length: 20 }, 'the trail names twenty, and says how many there were')
})

t.test('a device that is deleted while it is granted leaves no grant behind', async (t) => {
  const { operations, clientId, claims, grants } = await acme(t)
  for (let round = 0; round < 15; round++) {
    await operations.resources.put(TESTER, 'acme', d1)
    const [granted, deleted] = await Promise.allSettled([
      operations.grants.add(TESTER, 'acme', clientId, on('view', d1)),
      operations.resources.delete(TESTER, 'acme', d1),
    ])
    t.equal(deleted.status, 'fulfilled')
    if (granted.status === 'rejected') t.match(granted.reason, { code: 'invalid', field: 'id' })
    t.same(await grants(), [])
    t.notOk('authorization_details' in (await claims()))
  }
})

t.test('concurrent grants are all kept', async (t) => {
  const { operations, clientId, claims } = await acme(t)
  const devices = Array.from({ length: 12 }, (_, i) => ({ type: 'device', id: `r${i}` }))
  await operations.resources.import(TESTER, 'acme', devices)
  await Promise.all(
    devices.map((device) => operations.grants.add(TESTER, 'acme', clientId, on('view', device))),
  )
  t.equal((await claims()).authorization_details?.length, 12)
  await Promise.all([
    ...devices.slice(0, 6).map((d) => operations.grants.remove(TESTER, 'acme', clientId, on('view', d))),
    ...devices.slice(6).map((d) => operations.resources.delete(TESTER, 'acme', d)),
  ])
  t.notOk('authorization_details' in (await claims()))
})

t.test('an account that goes takes its grants along', async (t) => {
  const { operations, clientId } = await acme(t)
  await operations.grants.add(TESTER, 'acme', clientId, on('deployer', d1))
  await t.rejects(operations.realms.update(TESTER, 'acme', { roles: [] }), {
    code: 'conflict',
    field: 'roles',
  })
  await operations.accounts.delete(TESTER, 'acme', clientId)
  t.same((await operations.realms.update(TESTER, 'acme', { roles: [] })).roles, [])
})

t.test('roles come and go one by one', async (t) => {
  const { operations, clientId } = await acme(t)
  t.same((await operations.accounts.addRole(TESTER, 'acme', clientId, 'deployer')).roles, [
    'view',
    'deployer',
  ])
  const again = await operations.accounts.addRole(TESTER, 'acme', clientId, 'view')
  t.same(again.roles, ['view', 'deployer'])
  t.same((await operations.accounts.removeRole(TESTER, 'acme', clientId, 'view')).roles, ['deployer'])
  await t.rejects(operations.accounts.removeRole(TESTER, 'acme', clientId, 'view'), {
    code: 'not_found',
    field: 'role',
  })
  await t.rejects(operations.accounts.addRole(TESTER, 'acme', clientId, 'nothing'), {
    code: 'invalid',
    field: 'roles',
  })
  const admin: Actor = { ...TESTER, authority: { platform: false, realm: 'acme', access: 'administer' } }
  await t.rejects(operations.accounts.addRole(admin, 'acme', clientId, 'platform-admin'), {
    code: 'forbidden',
  })
})

t.test('roles given at the same time are all there afterwards', async (t) => {
  const { operations, clientId } = await acme(t)
  const roles = ['operate', 'manage', 'account-admin', 'deployer']
  await Promise.all(roles.map((role) => operations.accounts.addRole(TESTER, 'acme', clientId, role)))
  const account = await operations.accounts.find(TESTER, 'acme', clientId)
  t.same([...account.roles].sort(), [...roles, 'view'].sort())
})

t.test('the last platform administrator keeps that role', async (t) => {
  const { operations } = await testServer(t)
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  await t.rejects(operations.accounts.removeRole(TESTER, 'system', 'root', 'platform-admin'), {
    code: 'last_administrator',
  })
})
