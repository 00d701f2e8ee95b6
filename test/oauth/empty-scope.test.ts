import { decodeJwt } from 'jose'
import t from 'tap'
import { acme, basic, introspect, post } from '../support/introspection.ts'
import { adminOf, textOf } from '../support/portal.ts'
import { TESTER } from '../support/server.ts'

t.test('a token without scopes has no scope member, in answer, claims and introspection', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { operations } = server
  const { clientId } = client
  const ask = (form = {}) =>
    post(server, 'token', { grant_type: 'client_credentials', ...form }, { authorization: basic(client) })
  const ways = {
    'an account without any': { scopes: [] },
    'an account whose only one the realm dropped': { scopes: ['view'] },
  }
  for (const [name, update] of Object.entries(ways)) {
    await operations.accounts.update(TESTER, 'acme', clientId, update)
    if (update.scopes.length > 0) await operations.realms.update(TESTER, 'acme', { scopes: ['other'] })
    const answer = await ask()
    t.equal(answer.statusCode, 200, name)
    t.notOk('scope' in answer.json(), name)
    const token = answer.json().access_token
    t.notOk('scope' in decodeJwt(token), name)
    const described = JSON.parse(await introspect(server, resourceServer, token))
    t.match(described, { active: true })
    t.notOk('scope' in described, name)
    t.notMatch(JSON.stringify(await operations.tokens.preview(TESTER, 'acme', clientId)), '"scope"')
    const asked = await ask({ scope: 'view' })
    t.equal(asked.statusCode, 400)
    t.match(asked.json(), { error: 'invalid_scope' })
    // A parameter without a value counts as left out.
    t.equal((await ask({ scope: '' })).statusCode, 200)
  }
  await operations.uses.write()
  const used = await operations.accounts.find(TESTER, 'acme', clientId)
  t.equal(used.lastUsedScope, undefined)
  const page = await (await adminOf(server, 'acme')).get(`/portal/acme/service-accounts/${clientId}`)
  t.notMatch(textOf(page), 'scope ')
})

t.test('introspection leaves scope out once the client has lost every scope', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  await server.operations.accounts.update(TESTER, 'acme', client.clientId, { scopes: [] })
  const described = JSON.parse(await introspect(server, resourceServer, client.token))
  t.match(described, { active: true })
  t.notOk('scope' in described)
})
