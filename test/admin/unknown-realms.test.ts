import t from 'tap'
import { platformAdministrator } from '../support/admin.ts'
import { testServer } from '../support/server.ts'

const PLACES: Readonly<Record<string, string>> = {
  realm: 'nowhere',
  client_id: 'sa_0',
  role: 'view',
  type: 'device',
  id: 'x',
  kid: 'x',
}

const BODIES: Readonly<Record<string, unknown>> = {
  createServiceAccount: { name: 'x' },
  addRole: { role: 'view' },
  setRoles: { roles: ['view'] },
}

t.test('no operation on a realm that is not there is done, or is a fault', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  const { paths } = (await ask('GET', '/admin/openapi.json')).body
  let asked = 0
  for (const [path, operations] of Object.entries(paths as Record<string, object>)) {
    if (!path.startsWith('/admin/realms/{realm}')) continue
    const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => PLACES[name] ?? 'x')
    for (const [method, { operationId, requestBody }] of Object.entries(operations)) {
      asked++
      const body = requestBody ? (BODIES[operationId] ?? {}) : undefined
      const { status } = await ask(method.toUpperCase() as 'GET', address, body)
      // What is wrong with a body is told first.
      t.ok(status === 404 || (requestBody && [400, 415].includes(status)), `${operationId} ${status}`)
    }
  }
  t.ok(asked > 40, `${asked} operations`)
})
