import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type Express } from 'express'
// In a project of your own: from '@mintmark/verifier'.
import {
  type AccessToken,
  connectVerifier,
  createResourceMetadata,
  createVerifier,
} from '../../packages/verifier/src/index.ts'

export interface Options {
  /** The realm's issuer, as in `iss`. */
  readonly issuer: string
  /** The address of this server's endpoint, which is also its audience: `https://tools.example/mcp`. */
  readonly resource: string
  /** The clock, for tests. */
  readonly now?: () => number
}

/** An MCP server over streamable HTTP, for callers with a token of the realm. */
export function createApp({ issuer, resource, ...options }: Options): Express {
  const verifier = createVerifier({ issuer, audience: resource, ...options })
  const metadata = createResourceMetadata({ resource, issuers: verifier.issuers, scopes: ['view'] })
  const app = express()
  app.use(connectVerifier(verifier, { metadata, scope: 'view' }))
  app.all(new URL(resource).pathname, express.json(), async (request, response) => {
    // Without `sessionIdGenerator` there is no session, so each call is verified by itself.
    const transport = new StreamableHTTPServerTransport({})
    const server = createTools(request.token as AccessToken)
    response.on('close', () => void server.close())
    await server.connect(transport)
    await transport.handleRequest(request, response, request.body)
  })
  return app
}

function createTools({ clientId, scope }: AccessToken): McpServer {
  const server = new McpServer({ name: 'example', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Says who calls' }, async () => ({
    content: [{ type: 'text', text: `${clientId} ${scope.join(' ')}` }],
  }))
  return server
}
