import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pinned } from './machine.ts'
import { type Client, requestOf } from './mintmark.ts'
import { type Server, startServer } from './processes.ts'

const folder = join(import.meta.dirname, '../contestants')

/** Floor 1: a bare Fastify that returns the answers of this server to a token request and to a GET of a document. */
export async function startFloor(
  { url }: Server,
  client: Client,
  { path: documentPath = '', log = false } = {},
): Promise<Server> {
  const { path, body = '' } = requestOf(client)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const token = await (await fetch(url + path, { method: 'POST', body, headers })).text()
  const document = documentPath === '' ? '' : await (await fetch(url + documentPath)).text()
  const args = [join(folder, 'fastify.ts'), token, document, log ? 'log' : '']
  return startServer({ name: log ? 'bare Fastify with its log' : 'bare Fastify', args })
}

export function startOidcProvider(algorithm: string, { clientId, clientSecret }: Client): Promise<Server> {
  const args = [join(folder, 'oidc-provider.js'), algorithm, clientId, clientSecret]
  return startServer({ name: 'oidc-provider', args, env: { NODE_ENV: 'production' } })
}

/** Floor 2: CPU microseconds of one raw signature. */
export async function measureSignature(algorithm: string, seconds: number): Promise<number> {
  const command = [process.execPath, join(folder, 'signature.ts'), algorithm, String(seconds)]
  const [program, ...args] = pinned('server', command)
  const { stdout } = await promisify(execFile)(program as string, args)
  return Number(/^RESULT (.*)$/m.exec(stdout)?.[1])
}
