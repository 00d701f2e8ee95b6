import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateSync } from 'node:zlib'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Test } from 'tap'

type Json = Record<string, unknown>

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

export async function makeKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/** A small real issuer: real keys, real HTTP, counting what it is asked. */
export class Issuer {
  readonly fetches = { keys: 0, status: 0, notModified: 0, introspection: 0 }
  /** Milliseconds; only tests move it. */
  time = Date.UTC(2026, 0, 1)
  keys: SigningKey[] = []
  /** JWKS members as they are served; the public halves of `keys` unless set. */
  jwks: unknown
  cacheControl = 'public, max-age=60'
  ttl: number | undefined = 10
  readonly revoked = new Map<number, number>()
  readonly size = 64
  /** Changes the status list's claims or header before it is signed. */
  statusClaims: Json = {}
  statusHeader: Json = {}
  /** Answers a path in its own way; true when it did. */
  intercept: (path: string, response: ServerResponse, request: IncomingMessage) => boolean = () => false
  introspectionAnswer: Json = { active: false }
  readonly now = (): number => this.time
  #server = createServer((request, response) => void this.#answer(request, response))
  #port = 0

  static async start(t: Test, alg = 'ES256'): Promise<Issuer> {
    const issuer = new Issuer()
    issuer.keys = [await makeKey('key-1', alg)]
    await issuer.resume()
    t.teardown(() => issuer.stop())
    return issuer
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/realms/acme`
  }

  get statusUri(): string {
    return `${this.url}/protocol/openid-connect/status-lists/1`
  }

  get seconds(): number {
    return Math.floor(this.time / 1000)
  }

  get key(): SigningKey {
    return this.keys[0] as SigningKey
  }

  /** Listens again on the same port after `stop`. */
  async resume(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  claims(): Json {
    return {
      iss: this.url,
      sub: 'sa-1',
      azp: 'sa-1',
      client_id: 'sa-1',
      aud: 'https://api.example',
      scope: 'devices:read devices:write',
      roles: ['view'],
      authorization_details: [{ type: 'device_group', identifier: 'eu-edge', privileges: ['operate'] }],
      iat: this.seconds,
      exp: this.seconds + 300,
      jti: 'jti-1',
      status: { status_list: { idx: 7, uri: this.statusUri } },
    }
  }

  /** A token with these claims and header parameters in place of the usual; `undefined` leaves one out. */
  async token(claims: Json = {}, header: Json = {}, key: SigningKey = this.key): Promise<string> {
    return new SignJWT(defined({ ...this.claims(), ...claims }))
      .setProtectedHeader(
        defined({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header }) as { alg: string },
      )
      .sign(key.privateKey)
  }

  async statusToken(): Promise<string> {
    const bytes = new Uint8Array(this.size / 4)
    for (const [idx, status] of this.revoked)
      bytes[idx >> 2] = (bytes[idx >> 2] ?? 0) | (status << ((idx & 3) * 2))
    const lst = deflateSync(bytes).toString('base64url')
    const claims = { sub: this.statusUri, iat: this.seconds, exp: this.seconds + 3600, ttl: this.ttl }
    return new SignJWT(defined({ ...claims, status_list: { bits: 2, lst }, ...this.statusClaims }))
      .setProtectedHeader({
        alg: this.key.alg,
        kid: this.key.kid,
        typ: 'statuslist+jwt',
        ...this.statusHeader,
      })
      .sign(this.key.privateKey)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url as string).slice('/realms/acme/protocol/openid-connect/'.length)
    if (path === 'certs') this.fetches.keys++
    else if (path.startsWith('status-lists/')) this.fetches.status++
    else if (path === 'token/introspect') this.fetches.introspection++
    if (this.intercept(path, response, request)) return
    if (path === 'certs') {
      const keys = this.jwks ?? this.keys.map(({ jwk }) => jwk)
      this.#send(request, response, JSON.stringify({ keys }), { 'cache-control': this.cacheControl })
    } else if (path === 'status-lists/1') {
      const etag = `"${[...this.revoked].flat().join('-')}-${JSON.stringify(this.statusClaims).length}"`
      this.#send(request, response, await this.statusToken(), { etag })
    } else if (path === 'token/introspect') {
      this.#send(request, response, JSON.stringify(this.introspectionAnswer), {})
    } else {
      response.writeHead(404).end()
    }
  }

  #send(
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    headers: { etag?: string; 'cache-control'?: string },
  ): void {
    if (headers.etag !== undefined && request.headers['if-none-match'] === headers.etag) {
      this.fetches.notModified++
      response.writeHead(304, headers).end()
    } else {
      response.writeHead(200, headers).end(body)
    }
  }
}

function defined(object: Json): Json {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}
