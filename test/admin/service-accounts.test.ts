import t from 'tap'
import { platformAdministrator } from '../support/admin.ts'
import { PUBLIC_URL, testServer } from '../support/server.ts'

t.test('a realm and an account are made, read, changed and deleted', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  const realm = await ask('POST', '/admin/realms', { name: 'acme' })
  t.equal(realm.status, 201, realm.text)
  t.equal(realm.headers['location'], `${PUBLIC_URL}/admin/realms/acme`)
  t.match(realm.body, { name: 'acme', issuer: `${PUBLIC_URL}/realms/acme`, service_account_limit: 25 })

  const created = await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI deployer' })
  t.equal(created.status, 201, created.text)
  t.equal(created.headers['cache-control'], 'no-store')
  t.match(created.body, {
    name: 'CI deployer',
    roles: ['view'],
    scopes: null,
    enabled: true,
    last_used_at: null,
  })
  t.match(created.body.client_secret, /^mm_/)
  const path = `/admin/realms/acme/service-accounts/${created.body.client_id}`
  t.equal(created.headers['location'], PUBLIC_URL + path)

  const read = await ask('GET', path)
  const { client_secret, secret, old_secrets, ...rest } = created.body
  t.match(secret, { id: String, last_four: client_secret.slice(-4), expires_at: null })
  t.same(old_secrets, [])
  t.same(read.body, rest)
  t.equal(read.headers['etag'], created.headers['etag'])

  const changed = await ask(
    'PATCH',
    path,
    { name: 'Deployer', enabled: false },
    { 'if-match': String(read.headers['etag']) },
  )
  t.equal(changed.status, 200, changed.text)
  t.match(changed.body, { name: 'Deployer', enabled: false })
  const late = await ask('PATCH', path, { name: 'Other' }, { 'if-match': String(read.headers['etag']) })
  t.equal(late.status, 412)
  t.match(late.body, { type: 'urn:mintmark:problem:changed-meanwhile', status: 412 })

  const list = await ask('GET', '/admin/realms/acme/service-accounts?limit=1&name=dep')
  t.match(list.body, { items: [{ name: 'Deployer' }], next_cursor: null })
  t.equal((await ask('DELETE', path)).status, 204)
  t.equal((await ask('GET', path)).status, 404)
})

t.test('the document describes what there is', async (t) => {
  const server = await testServer(t)
  const answer = await server.app.inject('/admin/openapi.json')
  t.equal(answer.statusCode, 200)
  t.equal(answer.json().openapi, '3.1.0')
})
