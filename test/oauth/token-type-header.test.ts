import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { platformAdministrator, tokenFor } from '../support/admin.ts'
import { forging } from '../support/forge.ts'
import { acme, INACTIVE, introspect } from '../support/introspection.ts'

t.test('a realm chooses the typ of its access tokens, and its endpoints accept no other', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const ask = await platformAdministrator(server)
  t.equal(decodeProtectedHeader(client.token).typ, 'at+jwt')
  t.match(await introspect(server, resourceServer, client.token), '"active":true')
  const changed = await ask('PATCH', '/admin/realms/acme', { token_type_header: 'JWT' })
  t.equal(changed.body.token_type_header, 'JWT')
  t.equal(await introspect(server, resourceServer, client.token), INACTIVE, 'also one that was seen before')
  const token = await tokenFor(server, 'acme', client.clientId, client.clientSecret)
  t.equal(decodeProtectedHeader(token).typ, 'JWT')
  t.match(await introspect(server, resourceServer, token), '"active":true')
  const forge = await forging(server)
  const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
  for (const typ of ['statuslist+jwt', 'token-introspection+jwt', 'at+jwt'])
    t.equal(await introspect(server, resourceServer, await forge(claims, { typ })), INACTIVE, typ)
  await ask('PATCH', '/admin/realms/acme', { token_type_header: 'at+jwt' })
  t.equal(await introspect(server, resourceServer, token), INACTIVE)
  t.match(await introspect(server, resourceServer, client.token), '"active":true')
  t.equal((await ask('PATCH', '/admin/realms/acme', { token_type_header: 'jwt' })).status, 400)
})
