import t from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

const server = await testServer(t)
const { operations } = server
await operations.realms.create(TESTER, 'acme')
const { token } = await adminToken(server, 'acme', ['account-admin'])
const ask = asking(server, token)
const path = '/admin/realms/acme/resources'
const put = (id: string, body: object = {}) => ask('PUT', `${path}/device/${id}`, { name: id, ...body })

t.test('a realm may have any number of resources until the policy says otherwise', async (t) => {
  t.equal((await put('d1')).status, 201)
  t.equal((await operations.policy.find(TESTER)).policy.maxResourcesPerRealm, undefined)
})

t.test('an administrator of a realm cannot raise the limit', async (t) => {
  t.equal((await ask('PATCH', '/admin/policy', { max_resources_per_realm: 9 })).status, 403)
})

t.test('a resource beyond the limit is refused, and the refusal names the limit', async (t) => {
  await operations.policy.update(TESTER, { maxResourcesPerRealm: 2 })
  t.equal((await ask('GET', '/admin/policy')).body.max_resources_per_realm, 2)
  t.equal((await put('d2')).status, 201)
  const { status, body } = await put('d3')
  t.equal(status, 409)
  t.match(body, {
    type: /limit-reached$/,
    detail: /limit of 2 resources \(max_resources_per_realm\)/,
    limit: 2,
  })
  t.equal((await put('d2', { name: 'renamed' })).status, 200)
  t.equal((await ask('DELETE', `${path}/device/d1`)).status, 204)
  t.equal((await put('d3')).status, 201)
})

t.test('an import creates as many resources as there is room for, and refuses the others', async (t) => {
  await operations.policy.update(TESTER, { maxResourcesPerRealm: 4 })
  const outcomes = await operations.resources.import(TESTER, 'acme', [
    { type: 'device', id: 'd2', name: 'again' },
    { type: 'device_group', id: 'g1' },
    { type: 'device', id: 'd4' },
    { type: 'device', id: 'd5', groups: ['g1'] },
    { type: 'device', id: 'd2', name: 'and again' },
    { type: 'device', id: 'd6' },
  ])
  t.same(
    outcomes.map(({ status }) => status),
    ['updated', 'created', 'created', 'refused', 'updated', 'refused'],
  )
  t.match(outcomes[3], { refusal: { code: 'limit_reached', limit: 4 } })
})

t.test('resources that are created at once do not pass the limit together', async (t) => {
  await operations.policy.update(TESTER, { maxResourcesPerRealm: 7 })
  const statuses = await Promise.all(Array.from({ length: 8 }, async (_, n) => (await put(`p${n}`)).status))
  t.same(statuses.sort(), [201, 201, 201, 409, 409, 409, 409, 409])
})

t.test('a realm that has more than a new limit keeps them, and null lifts it', async (t) => {
  await operations.policy.update(TESTER, { maxResourcesPerRealm: 0 })
  t.equal((await put('d2', { name: 'kept' })).status, 200)
  t.equal((await put('d9')).status, 409)
  await operations.policy.update(TESTER, { maxResourcesPerRealm: undefined })
  t.equal((await put('d9')).status, 201)
})
