import type { Server } from 'node:http'
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t from 'tap'
import { createApp } from '../../examples/mcp-server/app.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

t.test('an MCP server refuses the next call within ten seconds of the deletion of the account', async (t) => {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const issuer = `${publicUrl}/realms/acme`
  const resource = `http://127.0.0.1:${await freePort()}/mcp`
  const clock = testClock()
  const { app, operations } = await testServer(t, { publicUrl, clock })
  await operations.realms.create(TESTER, 'acme', { audiences: [resource] })
  await app.listen({ port, host: 'localhost' })
  const tools = createApp({ issuer, resource, now: () => clock.now.getTime() })
  const server = await new Promise<Server>((resolve) => {
    const listening = tools.listen(Number(new URL(resource).port), '127.0.0.1', () => resolve(listening))
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })

  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'agent' })
  const authProvider = new ClientCredentialsProvider({
    clientId: account.clientId,
    clientSecret,
    expectedIssuer: issuer,
  })
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider }))
  t.match(await client.callTool({ name: 'whoami' }), { content: [{ text: `${account.clientId} view` }] })

  const { access_token } = authProvider.tokens() ?? {}
  const ask = (path: string, token?: string) =>
    fetch(new URL(path, resource), {
      method: 'POST',
      headers: { ...(token && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' },
    })
  t.equal((await ask('/mcp')).status, 401, 'without a token')
  t.not((await ask('/mcp', access_token)).status, 401)

  await operations.accounts.delete(TESTER, 'acme', account.clientId)
  clock.advance(10)
  t.equal((await ask('/mcp', access_token)).status, 401, 'the token of the deleted account')
  await t.rejects(client.callTool({ name: 'whoami' }), 'and it gets no other')
})
