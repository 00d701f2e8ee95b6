import t from 'tap'
import { acme, basic, post } from '../support/introspection.ts'
import { TESTER } from '../support/server.ts'

const PATH = '/realms/acme/protocol/openid-connect/auth'
const EVIL = '?response_type=code&redirect_uri=https://evil.test/<script>&state="><script>alert(1)</script>'

t.test('the authorization endpoint refuses every request and never redirects', async (t) => {
  const { server } = await acme(t)
  for (const method of ['GET', 'POST'] as const)
    for (const accept of ['text/html,application/xhtml+xml,*/*;q=0.8', 'application/json', '*/*']) {
      const json = { 'content-type': 'application/json' }
      const headers = method === 'POST' ? { accept, ...json } : { accept }
      const payload = method === 'POST' ? '{"broken' : ''
      const answer = await server.app.inject({ method, url: PATH + EVIL, headers, payload })
      t.equal(answer.statusCode, 400)
      t.notOk(answer.headers['location'])
      t.equal(answer.headers['cache-control'], 'no-store')
      t.equal(answer.headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'")
      t.match(answer.body, 'unsupported_response_type')
      t.notMatch(answer.body, /<script|evil/)
      if (accept.startsWith('text/html')) t.match(answer.headers['content-type'], 'text/html')
      else t.match(answer.json(), { error: 'unsupported_response_type' })
    }
  const put = await server.app.inject({ method: 'PUT', url: PATH })
  t.equal(put.statusCode, 405)
  t.equal(put.headers['allow'], 'GET, HEAD, POST, OPTIONS')
  const unknown = await server.app.inject('/realms/nobody/protocol/openid-connect/auth')
  t.equal(unknown.statusCode, 404)
})

t.test('the metadata has what clients of OpenID Connect and MCP want to see', async (t) => {
  const { server } = await acme(t)
  const { body } = await server.app.inject('/realms/acme/.well-known/oauth-authorization-server')
  t.match(JSON.parse(body), {
    authorization_endpoint: `https://auth.test${PATH}`,
    response_types_supported: ['none'],
    grant_types_supported: [
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
  })
})

t.test('openid is ignored where the realm does not define it', async (t) => {
  const { server, client } = await acme(t)
  await server.operations.realms.update(TESTER, 'acme', { scopes: ['view', 'write'] })
  const ask = async (scope: string) => {
    const form = { grant_type: 'client_credentials', scope }
    const answer = await post(server, 'token', form, { authorization: basic(client) })
    return answer.statusCode === 200 ? answer.json().scope : answer.json().error
  }
  t.equal(await ask('openid'), 'view write')
  t.equal(await ask('openid write'), 'write')
  t.equal(await ask('openid profile'), 'invalid_scope')
  await server.operations.realms.update(TESTER, 'acme', { scopes: ['view', 'openid'] })
  t.equal(await ask('openid'), 'openid')
  await server.operations.accounts.update(TESTER, 'acme', client.clientId, { scopes: ['view'] })
  t.equal(await ask('openid'), 'invalid_scope')
})
