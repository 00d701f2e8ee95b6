import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { deflateSync } from 'node:zlib'
import { type CryptoKey, decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { VerifierOptions } from './options.ts'

export interface TestIssuerOptions {
  /** What the API is called in `aud`. Default `https://api.example`. */
  readonly audience?: string
  /** Name of the realm in the issuer's URL. Default `test`. */
  readonly realm?: string
  /** Algorithm of the keys. Default `ES256`. */
  readonly algorithm?: 'ES256' | 'RS256' | 'PS256' | 'EdDSA'
  /** Port on 127.0.0.1. Default: any that is free. */
  readonly port?: number
}

/** Claims in place of the usual ones; `undefined` leaves one out. */
export type TestClaims = Readonly<Record<string, unknown>>

interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

const LIST_ENTRIES = 4096

/** An issuer for the tests of an API: real keys, real HTTP on loopback, the same documents as a Mintmark realm. */
export class TestIssuer {
  /** What it takes in a verifier's `issuer`. */
  readonly url: string
  readonly audience: string
  readonly #algorithm: string
  readonly #server: ReturnType<typeof createServer>
  #keys: SigningKey[]
  #next = 0
  readonly #revoked = new Set<number>()

  /** @internal Use `createTestIssuer`. */
  constructor(
    server: ReturnType<typeof createServer>,
    key: SigningKey,
    options: Required<TestIssuerOptions>,
  ) {
    this.#server = server
    this.#keys = [key]
    this.#algorithm = options.algorithm
    this.audience = options.audience
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/${options.realm}`
    server.on('request', (request, response) => void this.#answer(request, response))
  }

  /** Options for `createVerifier`. */
  get verifierOptions(): VerifierOptions {
    return {
      issuer: this.url,
      audience: this.audience,
      introspection: { clientId: 'introspector', clientSecret: 'secret' },
    }
  }

  /** A good token: account `sa-test`, five minutes, with these claims in place of the usual ones. */
  token(claims: TestClaims = {}): Promise<string> {
    return this.#sign(claims, this.#keys[0] as SigningKey)
  }

  /** A token that ended an hour ago. */
  expiredToken(claims: TestClaims = {}): Promise<string> {
    const now = seconds()
    return this.token({ iat: now - 7200, exp: now - 3600, ...claims })
  }

  /** A token whose signature is by a key that the issuer does not have, under the kid of one that it has. */
  async forgedToken(claims: TestClaims = {}): Promise<string> {
    const { kid } = this.#keys[0] as SigningKey
    return this.#sign(claims, { ...(await makeKey(this.#algorithm)), kid })
  }

  /** Revokes a token: refused by its status list within `ttl` (one millisecond here), by introspection at once. */
  revoke(token: string): void {
    this.#revoked.add(indexOf(decodeJwt(token)))
  }

  /** Signs with a new key from now on; the old one stays published unless `withdraw` says otherwise. */
  async rotateKey({ withdraw = false } = {}): Promise<void> {
    const key = await makeKey(this.#algorithm)
    this.#keys = withdraw ? [key] : [key, ...this.#keys]
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #sign(claims: TestClaims, { kid, privateKey }: SigningKey): Promise<string> {
    const now = seconds()
    const idx = this.#next++ % LIST_ENTRIES
    const usual = {
      iss: this.url,
      sub: 'sa-test',
      client_id: 'sa-test',
      aud: this.audience,
      iat: now,
      exp: now + 300,
      jti: crypto.randomUUID(),
      status: { status_list: { idx, uri: `${this.url}/protocol/openid-connect/status-lists/1` } },
    }
    return new SignJWT(defined({ ...usual, ...claims }))
      .setProtectedHeader({ alg: this.#algorithm, kid, typ: 'at+jwt' })
      .sign(privateKey)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const base = `${new URL(this.url).pathname}/protocol/openid-connect/`
    const path = request.url?.startsWith(base) ? request.url.slice(base.length) : ''
    if (path === 'certs') send(response, 'application/json', JSON.stringify({ keys: this.#published() }))
    else if (path === 'status-lists/1')
      send(response, 'application/statuslist+jwt', await this.#statusList(this.url))
    else if (path === 'token/introspect')
      send(response, 'application/json', JSON.stringify(this.#introspect(await text(request))))
    else response.writeHead(404).end()
  }

  #published(): JWK[] {
    return this.#keys.map(({ kid, jwk }) => ({ ...jwk, kid, alg: this.#algorithm, use: 'sig' }))
  }

  #introspect(body: string): TestClaims {
    try {
      const claims = decodeJwt(new URLSearchParams(body).get('token') ?? '')
      const active = !this.#revoked.has(indexOf(claims)) && (claims.exp ?? 0) > seconds()
      return active ? { active, ...claims } : { active }
    } catch {
      return { active: false }
    }
  }

  #statusList(issuer: string): Promise<string> {
    const { kid, privateKey } = this.#keys[0] as SigningKey
    const bytes = new Uint8Array(LIST_ENTRIES / 8)
    for (const idx of this.#revoked) bytes[idx >> 3] = (bytes[idx >> 3] as number) | (1 << (idx & 7))
    const claims = {
      sub: `${issuer}/protocol/openid-connect/status-lists/1`,
      iat: seconds(),
      exp: seconds() + 3600,
      ttl: 0.001,
      status_list: { bits: 1, lst: deflateSync(bytes).toString('base64url') },
    }
    return new SignJWT(claims)
      .setProtectedHeader({ alg: this.#algorithm, kid, typ: 'statuslist+jwt' })
      .sign(privateKey)
  }
}

/** Starts an issuer for tests on 127.0.0.1, so that the tests of an API need no Mintmark. Close it at the end. */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { audience = 'https://api.example', realm = 'test', algorithm = 'ES256', port = 0 } = options
  const key = await makeKey(algorithm)
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  return new TestIssuer(server, key, { audience, realm, algorithm, port })
}

async function makeKey(algorithm: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  return { kid: crypto.randomUUID(), privateKey, jwk: await exportJWK(publicKey) }
}

function indexOf({ status }: Record<string, unknown>): number {
  return (status as { status_list?: { idx?: number } } | undefined)?.status_list?.idx ?? -1
}

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'max-age=300' }).end(body)
}

function seconds(): number {
  return Math.floor(Date.now() / 1000)
}

function defined(claims: TestClaims): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}
