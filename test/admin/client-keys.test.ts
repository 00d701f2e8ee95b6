import t from 'tap'
import { platformAdministrator } from '../support/admin.ts'
import { testServer } from '../support/server.ts'

t.test('a realm says how its accounts may authenticate and what assertions are for', async (t) => {
  const ask = await platformAdministrator(await testServer(t))
  const made = await ask('POST', '/admin/realms', { name: 'acme' })
  t.match(made.body, {
    allowed_auth_methods: ['client_secret', 'private_key_jwt'],
    assertion_audience: 'issuer_or_token_endpoint',
  })
  const strict = { allowed_auth_methods: ['private_key_jwt'], assertion_audience: 'issuer' }
  t.match((await ask('PATCH', '/admin/realms/acme', strict)).body, strict)
  t.match((await ask('GET', '/admin/realms/acme')).body, strict)
  for (const settings of [
    { allowed_auth_methods: [] },
    { allowed_auth_methods: ['none'] },
    { allowed_auth_methods: ['client_secret', 'client_secret'] },
    { assertion_audience: 'token_endpoint' },
  ]) {
    const refused = await ask('PATCH', '/admin/realms/acme', settings)
    t.equal(refused.status, 400, JSON.stringify(settings))
    t.match(refused.body.field, Object.keys(settings)[0] as string)
  }
})
