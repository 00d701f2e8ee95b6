import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Answered {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body: string | object
}

/** A service on loopback that answers by a function; gone when the test ends. */
export async function service(t: Test, answer: (asked: Asked) => Answered): Promise<string> {
  const server = createServer(async (request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url as string, 'http://localhost')
    const { method = '', headers } = request
    const asked = { method, path, query, headers, body: await text(request) }
    const { status = 200, headers: more = {}, body } = answer(asked)
    response.writeHead(status, more).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The metadata server of Google Cloud: it answers nobody without its header, and says what it is. */
export function gcpMetadata(t: Test, token: (audience: string) => string): Promise<string> {
  return service(t, ({ path, query, headers }) => {
    if (headers['metadata-flavor'] !== 'Google') return { status: 403, body: 'Forbidden' }
    if (path !== '/computeMetadata/v1/instance/service-accounts/default/identity')
      return { status: 404, body: 'Not Found' }
    const audience = query.get('audience')
    if (!audience) return { status: 400, body: 'non-empty audience parameter required' }
    return { headers: { 'Metadata-Flavor': 'Google' }, body: token(audience) }
  })
}

/** Azure's instance metadata service: it answers nobody without its header. */
export function azureMetadata(t: Test, token: (resource: string) => string): Promise<string> {
  return service(t, ({ path, query, headers }) => {
    if (headers['metadata'] !== 'true')
      return {
        status: 400,
        body: { error: 'invalid_request', error_description: 'Required metadata header not specified' },
      }
    if (path !== '/metadata/identity/oauth2/token' || query.get('api-version') !== '2018-02-01')
      return { status: 404, body: 'Not Found' }
    return {
      body: { access_token: token(query.get('resource') ?? ''), expires_in: '86399', token_type: 'Bearer' },
    }
  })
}

/** The runner's service of GitHub Actions. */
export function githubService(t: Test, bearer: string, token: (audience: string) => string): Promise<string> {
  return service(t, ({ query, headers }) => {
    if (headers.authorization !== `Bearer ${bearer}`)
      return { status: 401, body: { message: 'Unauthorized' } }
    if (query.get('api-version') !== '2.0')
      return { status: 400, body: 'the query is not the one that was given' }
    return { body: { count: 1, value: token(query.get('audience') ?? '') } }
  })
}

export interface InstanceRole {
  readonly region: string
  readonly role: string
  readonly credentials: object
}

/** The instance metadata service of AWS, version 2: a session first, then data. */
export function awsMetadata(t: Test, { region, role, credentials }: InstanceRole): Promise<string> {
  const session = 'AQAEAsession=='
  return service(t, ({ method, path, headers }) => {
    if (path === '/latest/api/token')
      return method === 'PUT' && Number(headers['x-aws-ec2-metadata-token-ttl-seconds']) > 0
        ? { body: session }
        : { status: 400, body: '' }
    if (headers['x-aws-ec2-metadata-token'] !== session) return { status: 401, body: 'Unauthorized' }
    const data: Record<string, string | object> = {
      '/latest/meta-data/placement/region': region,
      '/latest/meta-data/iam/security-credentials/': role,
      [`/latest/meta-data/iam/security-credentials/${role}`]: credentials,
    }
    const body = data[path]
    return body === undefined ? { status: 404, body: 'Not Found' } : { body }
  })
}

export interface Agent {
  readonly path: string
  /** Messages that it was sent. */
  readonly asked: Buffer[]
}

/** What an agent does with a call. */
export interface AgentAnswer {
  readonly message?: Buffer
  readonly status: number
  readonly reason?: string
}

/** A SPIFFE Workload API on a socket: gRPC without TLS, and nothing without the header of the endpoint. */
export async function spiffeAgent(t: Test, path: string, answer: () => AgentAnswer): Promise<Agent> {
  const asked: Buffer[] = []
  const server = createHttp2Server()
  server.on('stream', async (stream, headers) => {
    const body = Buffer.concat(await stream.toArray())
    const refuse = (status: number, reason: string) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': reason },
        { endStream: true },
      )
    if (headers['workload.spiffe.io'] !== 'true') return refuse(3, 'security header missing from request')
    if (headers[':path'] !== '/SpiffeWorkloadAPI/FetchJWTSVID' || headers['te'] !== 'trailers')
      return refuse(12, 'unknown method')
    asked.push(body.subarray(5))
    const { message, status, reason = '' } = answer()
    if (message === undefined) return refuse(status, reason)
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.end(Buffer.concat([head, message]))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  return { path, asked }
}
