import t from 'tap'
import type { Actor } from '../../src/domain/actor.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { TESTER, testServer } from '../support/server.ts'

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { resourceTypes: ['site'] })
  const put = (entry: unknown) => server.operations.resources.put(TESTER, 'acme', entry)
  const list = (query: object = {}) =>
    server.operations.resources.list(TESTER, 'acme', { limit: 100, ...query })
  return { ...server, put, list }
}

t.test('a resource is made, changed and deleted, and each leaves a line in the trail', async (t) => {
  const { operations, put, clock } = await acme(t)
  await put({ type: 'device_group', id: 'eu' })
  const made = await put({ type: 'device', id: 'sn:00/1', name: ' Boiler ', groups: ['eu', 'eu'] })
  t.match(made, { created: true, resource: { name: 'Boiler', groups: ['eu'], id: 'sn:00/1' } })
  clock.advance(5)
  const same = await put({ type: 'device', id: 'sn:00/1', name: 'Boiler', groups: ['eu'] })
  t.same(same, { created: false, resource: made.resource }, 'nothing changed')
  const changed = await put({ type: 'device', id: 'sn:00/1' })
  t.match(changed, { created: false, resource: { name: 'sn:00/1', groups: [], updatedAt: clock.now } })
  const key = { type: 'device', id: 'sn:00/1' }
  t.same(await operations.resources.find(TESTER, 'acme', key), changed.resource)
  await operations.resources.delete(TESTER, 'acme', key)
  await t.rejects(operations.resources.find(TESTER, 'acme', key), { code: 'not_found', field: 'id' })
  for (const absent of [key, { type: 'Device', id: '\0' }]) {
    await t.rejects(operations.resources.find(TESTER, 'acme', absent), {
      code: 'not_found',
      field: 'id',
    })
    await t.rejects(operations.resources.delete(TESTER, 'acme', absent), {
      code: 'not_found',
      field: 'id',
    })
  }
  const trail = await operations.audit.list(TESTER, 'acme', { target: 'device/sn:00/1', limit: 10 })
  t.same(trail.items.map(({ action, outcome }) => `${action} ${outcome}`).sort(), [
    'resource.create done',
    'resource.delete done',
    'resource.update done',
  ])
})

t.test('an invalid resource is refused with the faulty member', async (t) => {
  const { put } = await acme(t)
  const cases: [unknown, string | undefined][] = [
    [null, undefined],
    [[], undefined],
    ['device', undefined],
    [{ type: 'device', id: 'd', colour: 'red' }, 'colour'],
    [{ id: 'd' }, 'type'],
    [{ type: 'car', id: 'd' }, 'type'],
    [{ type: 'device' }, 'id'],
    [{ type: 'device', id: '' }, 'id'],
    [{ type: 'device', id: '..' }, 'id'],
    [{ type: 'device', id: 'ä' }, 'id'],
    [{ type: 'device', id: 'x'.repeat(101) }, 'id'],
    [{ type: 'device', id: 'd', name: 7 }, 'name'],
    [{ type: 'device', id: 'd', name: '' }, 'name'],
    [{ type: 'device', id: 'd', groups: 'eu' }, 'groups'],
    [{ type: 'device', id: 'd', groups: [''] }, 'groups'],
    [{ type: 'device', id: 'd', groups: Array(101).fill('eu') }, 'groups'],
    [{ type: 'device', id: 'd', groups: ['eu'] }, 'groups'],
    [{ type: 'site', id: 's', groups: ['eu'] }, 'groups'],
  ]
  for (const [entry, field] of cases)
    await t.rejects(put(entry), { code: 'invalid', field }, JSON.stringify(entry))
  t.equal((await put({ type: 'device', id: 'x'.repeat(100) })).resource.name.length, 100)
})

t.test('a realm adds types, and keeps those that it has resources of', async (t) => {
  const { operations, put } = await acme(t)
  await put({ type: 'site', id: 'hq' })
  await t.rejects(operations.realms.update(TESTER, 'acme', { resourceTypes: [] }), {
    code: 'conflict',
    field: 'resource_types',
  })
  await operations.realms.update(TESTER, 'acme', { resourceTypes: ['site', 'site_group'] })
  await put({ type: 'site_group', id: 'north' })
  t.same((await put({ type: 'site', id: 'hq', groups: ['north'] })).resource.groups, ['north'])
  await operations.resources.delete(TESTER, 'acme', { type: 'site', id: 'hq' })
  t.same((await operations.realms.update(TESTER, 'acme', { resourceTypes: ['site_group'] })).resourceTypes, [
    'site_group',
  ])
  for (const name of ['device', 'Site', 'a/b', ''])
    await t.rejects(operations.realms.update(TESTER, 'acme', { resourceTypes: [name, 'site_group'] }), {
      code: 'invalid',
      field: 'resource_types',
    })
})

t.test('a group that is deleted has no members any more', async (t) => {
  const { operations, put } = await acme(t)
  await put({ type: 'device_group', id: 'eu' })
  await put({ type: 'device', id: 'd', groups: ['eu'] })
  await operations.resources.delete(TESTER, 'acme', { type: 'device_group', id: 'eu' })
  t.same((await operations.resources.find(TESTER, 'acme', { type: 'device', id: 'd' })).groups, [])
})

t.test('the list comes in pages by type and id, and is searched by part of name or id', async (t) => {
  const { put, list } = await acme(t)
  for (const id of ['b', 'B', 'a']) await put({ type: 'device', id, name: `Ångström ${id}` })
  await put({ type: 'device_group', id: 'a' })
  const found: string[] = []
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await list({ after, limit: 3 })
    found.push(...page.items.map(({ type, id }) => `${type}/${id}`))
    after = page.next
  }
  t.same(found, ['device/B', 'device/a', 'device/b', 'device_group/a'])
  const ids = async (query: object) => (await list(query)).items.map(({ id }) => id)
  t.same(await ids({ contains: 'ÅNG' }), ['B', 'a', 'b'])
  t.same(await ids({ contains: 'strom' }), [], 'letters are not made alike')
  t.same(await ids({ contains: 'A', type: 'device_group' }), ['a'])
  t.same(await ids({ contains: '%' }), [])
  await t.rejects(list({ after: 'nonsense' }), { code: 'invalid', field: 'cursor' })
})

t.test('ten thousand devices are imported, and a faulty line does not affect the others', async (t) => {
  const { operations, list } = await acme(t)
  const lines: unknown[] = [{ type: 'device_group', id: 'eu' }]
  for (let i = 0; i < 10_000; i++)
    lines.push({ type: 'device', id: `d${i}`, name: `Device ${i}`, groups: ['eu'] })
  lines[5000] = { type: 'device', id: 'bad', groups: ['us'] }
  lines[5001] = new Refusal('invalid', 'The line is not JSON.')
  lines[5002] = { type: 'nothing', id: 'bad' }
  const outcomes = []
  for (let start = 0; start < lines.length; start += 1000)
    outcomes.push(...(await operations.resources.import(TESTER, 'acme', lines.slice(start, start + 1000))))
  t.equal(outcomes.length, 10_001)
  t.equal(outcomes.filter(({ status }) => status === 'created').length, 9998)
  t.match(outcomes.slice(5000, 5003), [
    { status: 'refused', refusal: { field: 'groups', message: 'There is no device_group/us.' } },
    { status: 'refused', refusal: { message: 'The line is not JSON.' } },
    { status: 'refused', refusal: { field: 'type' } },
  ])
  t.equal((await list({ contains: 'device 99', limit: 1000 })).items.length, 111)
  const trail = await operations.audit.list(TESTER, 'acme', { action: 'resource.import', limit: 100 })
  t.equal(trail.items.length, 11)
})

t.test('an import takes its lines in order, also those that say something twice', async (t) => {
  const { operations } = await acme(t)
  const statuses = async (...entries: object[]) =>
    (await operations.resources.import(TESTER, 'acme', entries)).map(({ status }) => status)
  const device = { type: 'device', id: 'd', groups: ['eu'] }
  const group = { type: 'device_group', id: 'eu' }
  t.same(await statuses(device, group, device, device, { ...device, name: 'D' }), [
    'refused',
    'created',
    'created',
    'unchanged',
    'updated',
  ])
  t.same(await statuses(), [])
})

t.test('a fault of ours while a line is read is no refusal', async (t) => {
  const { operations } = await acme(t)
  const faulty = {
    get type() {
      throw new TypeError('a fault')
    },
  }
  await t.rejects(operations.resources.import(TESTER, 'acme', [faulty]), TypeError)
})

t.test('two imports of the same devices at once both come to an end', async (t) => {
  const { operations, list } = await acme(t)
  const group = { type: 'device_group', id: 'eu' }
  const devices = Array.from({ length: 300 }, (_, i) => ({ type: 'device', id: `d${i}`, groups: ['eu'] }))
  const settled = await Promise.all([
    operations.resources.import(TESTER, 'acme', [group, ...devices]),
    operations.resources.import(TESTER, 'acme', [group, ...devices.toReversed()]),
    operations.resources.import(TESTER, 'acme', [group, ...devices]),
  ])
  t.ok(settled.flat().every(({ status }) => status !== 'refused'))
  t.equal((await list({ limit: 1000 })).items.length, 301)
})

t.test('a group that is deleted while devices join it leaves no member behind', async (t) => {
  const { operations, put, list } = await acme(t)
  for (let round = 0; round < 10; round++) {
    const group = { type: 'device_group', id: 'eu' }
    await put(group)
    const [joined] = await Promise.allSettled([
      put({ type: 'device', id: 'd', groups: ['eu'] }),
      operations.resources.delete(TESTER, 'acme', group),
    ])
    if (joined.status === 'rejected') t.match(joined.reason, { code: 'invalid', field: 'groups' })
    t.ok((await list()).items.every(({ groups }) => groups.length === 0))
  }
})

t.test('only an administrator of the realm changes its resources', async (t) => {
  const { operations, put } = await acme(t)
  const device = { type: 'device', id: 'd' }
  await put(device)
  const actor = (realm: string, access: 'view' | 'administer' | 'none'): Actor => ({
    ...TESTER,
    authority: { platform: false, realm, access },
  })
  for (const [who, code] of [
    [actor('acme', 'view'), 'forbidden'],
    [actor('acme', 'none'), 'forbidden'],
    [actor('other', 'administer'), 'not_found'],
  ] as const) {
    await t.rejects(operations.resources.put(who, 'acme', device), { code })
    await t.rejects(operations.resources.delete(who, 'acme', device), { code })
    await t.rejects(operations.resources.import(who, 'acme', [device]), { code })
  }
  t.equal((await operations.resources.find(actor('acme', 'view'), 'acme', device)).id, 'd')
  await t.rejects(operations.resources.find(actor('other', 'view'), 'acme', device), {
    code: 'not_found',
  })
  await t.rejects(operations.resources.list(actor('acme', 'none'), 'acme', { limit: 1 }), {
    code: 'forbidden',
  })
  await t.rejects(operations.resources.import(TESTER, 'nowhere', []), { code: 'not_found' })
})
