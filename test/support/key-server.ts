import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { writeCertificate } from './certificate.ts'
import { testKeyPair } from './client-keys.ts'
import { temporaryFolder } from './process.ts'

/** What is answered at a path: JSON, or by hand. */
export type Answer = object | RequestListener

export interface KeyServer {
  /** Without a slash at the end; by its name, localhost. */
  readonly url: string
  readonly port: number
  /** Its certificate in PEM; empty of a server without TLS. */
  readonly ca: string
  /** By path; may be changed. */
  readonly answers: Record<string, Answer>
  /** Headers of JSON answers. */
  readonly headers: Record<string, string>
  /** Requests so far, `path` of each. */
  readonly requests: string[]
  /** Headers of the requests. */
  readonly sent: Record<string, unknown>[]
}

/** A server that plays an issuer; `plain`: without TLS, on 127.0.0.1. */
export async function keyServer(t: Test, { plain = false } = {}): Promise<KeyServer> {
  const answers: Record<string, Answer> = {}
  const headers: Record<string, string> = {}
  const requests: string[] = []
  const sent: Record<string, unknown>[] = []
  const listen: RequestListener = (request, response) => {
    requests.push(request.url ?? '')
    sent.push(request.headers)
    const answer = answers[request.url ?? '']
    if (typeof answer === 'function') return void (answer as RequestListener)(request, response)
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(answer ?? {}))
  }
  const folder = temporaryFolder(t)
  const ca = plain ? '' : writeCertificate(folder).toString()
  const server: Server = plain
    ? createHttpServer(listen)
    : createServer({ key: readFileSync(join(folder, 'tls.key')), cert: ca }, listen)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const url = plain ? `http://127.0.0.1:${port}` : `https://localhost:${port}`
  return { url, port, ca, answers, headers, requests, sent }
}

/** A JWKS of new keys with these kids. */
export function jwksOf(...kids: string[]) {
  return { keys: kids.map((kid) => ({ ...testKeyPair().jwk, kid, use: 'sig' })) }
}
