import { readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createApp } from '../../examples/mcp-server/app.ts'
import { freePort } from '../support/free-port.ts'
import { writePage } from './pages.ts'
import { missing, type Need, PYTHON, PYTHON_PROGRAM, pypi, pypiVersion } from './programs.ts'
import { answersAt, runPeer, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld, type World } from './world.ts'

const FASTMCP = [PYTHON, pypi('fastmcp')]

/** A world whose realm knows an MCP server, and the programs of the page in a folder that finds our packages. */
async function mcpWorld(t: Test) {
  const resource = `http://127.0.0.1:${await freePort()}/mcp`
  const world = await peerWorld(t, { audiences: [resource] })
  const folder = t.testdir({})
  writePage('mcp.md', folder)
  return { world, resource, folder, env: { ...world.env, RESOURCE: resource } }
}

async function startExample(t: Test, { issuer, now }: World, resource: string): Promise<void> {
  const app = createApp({ issuer, resource, now: () => now().getTime() })
  const server = await new Promise<Server>((resolve) => {
    const listening = app.listen(Number(new URL(resource).port), '127.0.0.1', () => resolve(listening))
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
}

function sdkVersion(): string {
  const file = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/sdk/package.json')
  return JSON.parse(readFileSync(file, 'utf8')).version
}

interface McpClient {
  readonly name: string
  readonly version: () => string
  readonly needs: readonly Need[]
  readonly command: readonly string[]
}

const CLIENTS: readonly McpClient[] = [
  {
    name: 'MCP SDK for TypeScript, client',
    version: sdkVersion,
    needs: [],
    command: [process.execPath, 'client.mjs'],
  },
  {
    name: 'MCP SDK for Python, client',
    version: () => pypiVersion('mcp'),
    needs: [PYTHON, pypi('mcp 2', 'mcp.client.auth.extensions.client_credentials, httpx2')],
    command: [PYTHON_PROGRAM, '-B', 'mcp_client.py'],
  },
  {
    name: 'FastMCP, client',
    version: () => pypiVersion('fastmcp'),
    needs: FASTMCP,
    command: [PYTHON_PROGRAM, '-B', 'fastmcp_client.py'],
  },
]

for (const { name, version, needs, command } of CLIENTS)
  t.test(
    `${name} finds the issuer of an MCP server, and calls its tool until deleted`,
    { skip: missing(...needs) },
    async (t) => {
      const { world, resource, folder, env } = await mcpWorld(t)
      await startExample(t, world, resource)
      t.match(await runPeer(command, { cwd: folder, env }), { ok: true, output: `${world.clientId} view` })
      await world.rotateKeys()
      t.match((await runPeer(command, { cwd: folder, env })).output, `${world.clientId} view`)
      await world.deleteAccount()
      const refused = await runPeer(command, { cwd: folder, env })
      t.notOk(refused.ok)
      t.notMatch(refused.output, `${world.clientId} view`)
      worksWith(t, {
        peer: name,
        version: version(),
        settings: 'the issuer is named; the audience is the address of the MCP server',
        deletion: 'at its next token request',
        rotation: 'not concerned',
      })
    },
  )

/** Calls the tool with a token that was got before. */
async function whoami(resource: string, token: string): Promise<{ status: number; text: string }> {
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } }
  const answer = await fetch(resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(body),
  })
  return { status: answer.status, text: await answer.text() }
}

function rewrite(file: string, before: string, after: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replace(before, after))
}

const SERVERS = [
  { by: 'keys', settings: '`algorithm="ES256"`', deletion: 'when its token expires' },
  { by: 'introspection', settings: 'an account with role `introspect`', deletion: 'at once' },
] as const

for (const { by, settings, deletion } of SERVERS)
  t.test(
    `FastMCP server that verifies by ${by} accepts tokens of the realm alone`,
    { skip: missing(...FASTMCP) },
    async (t) => {
      const { world, resource, folder, env } = await mcpWorld(t)
      const introspector = await world.addAccount(['introspect'])
      writeFileSync(join(folder, 'introspector'), introspector.clientSecret)
      rewrite(join(folder, 'server.py'), 'from keys import', `from ${by} import`)
      // FastMCP looks for new keys every 30 seconds at most, and our keys are published for longer before they sign.
      rewrite(join(folder, 'keys.py'), 'algorithm=', 'jwks_refresh_interval=0, algorithm=')
      await startPeer(t, [PYTHON_PROGRAM, '-B', 'server.py'], {
        cwd: folder,
        env: {
          ...env,
          MINTMARK_CLIENT_ID: introspector.clientId,
          MINTMARK_CLIENT_SECRET_FILE: join(folder, 'introspector'),
        },
        isReady: answersAt(resource),
      })
      const command = [PYTHON_PROGRAM, '-B', 'fastmcp_client.py']
      t.match(await runPeer(command, { cwd: folder, env }), { ok: true, output: `${world.clientId} view` })
      await world.rotateKeys()
      t.match((await runPeer(command, { cwd: folder, env })).output, `${world.clientId} view`, 'the new key')
      const token = await world.token()
      t.not((await whoami(resource, token)).status, 401)
      t.equal((await whoami(resource, 'forged')).status, 401)
      await world.deleteAccount()
      if (by === 'introspection') t.equal((await whoami(resource, token)).status, 401)
      worksWith(t, {
        peer: `FastMCP, server by ${by}`,
        version: pypiVersion('fastmcp'),
        settings,
        deletion,
        rotation: by === 'keys' ? 'fetches the keys' : 'not concerned',
      })
    },
  )
