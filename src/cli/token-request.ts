import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { SigningKey } from '@mintmark/client'
import { CLIENT_ASSERTION_TYPE, tokenEndpointOf } from '../domain/client-assertion.ts'
import { systemClock } from '../domain/clock.ts'
import { type ClientPackage, loadClientPackage } from './client-package.ts'
import { type Proof, platformProof } from './platform-proof.ts'
import type { Terminal } from './terminal.ts'
import { TokenFault } from './token-fault.ts'

export interface TokenRequestOptions {
  readonly issuer: string
  readonly clientId?: string
  readonly from?: string
  readonly audience?: string
  readonly privateKey?: string
  readonly keyId?: string
  readonly scope?: string
  readonly resource?: readonly string[]
  readonly allowInsecureHttp?: boolean
}

/** What a request takes beside its options. */
export interface Surroundings {
  readonly terminal: Terminal
  readonly env: NodeJS.ProcessEnv
  /** Ends a request under way. */
  readonly stop?: AbortSignal
}

export interface TokenAnswer {
  readonly access_token: string
  readonly expires_in?: unknown
}

const TIMEOUT_MILLISECONDS = 10_000

/**
 * Prepares requests for a token (RFC 6749 section 4.4). Without a key or a platform the secret is read from standard
 * input, once.
 * @throws TokenFault, also each request
 */
export async function tokenRequester(
  options: TokenRequestOptions,
  surroundings: Surroundings,
): Promise<() => Promise<TokenAnswer>> {
  const issuer = options.issuer.replace(/\/+$/, '')
  checkIssuer(issuer, options)
  const proof = await proofOf(issuer, options, surroundings)
  return async () => {
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    if (options.clientId !== undefined) form.set('client_id', options.clientId)
    if (options.scope !== undefined) form.set('scope', options.scope)
    for (const one of options.resource ?? []) form.append('resource', one)
    for (const [name, value] of Object.entries(await proof())) form.set(name, value)
    const { status, retryAfter, body } = await post(tokenEndpointOf(issuer), form, surroundings.stop)
    if (typeof body['access_token'] === 'string') return body as unknown as TokenAnswer
    throw refusalOf(status, body, retryAfter)
  }
}

async function proofOf(
  issuer: string,
  { from, audience, privateKey, keyId, clientId = '' }: TokenRequestOptions,
  { terminal, env }: Surroundings,
): Promise<Proof> {
  if (from !== undefined) return platformProof(from, issuer, { audience, env })
  if (privateKey !== undefined) {
    const client = await loadClientPackage()
    return () => ({
      client_assertion_type: CLIENT_ASSERTION_TYPE,
      client_assertion: client.makeAssertion(
        keyOf(client, privateKey, keyId),
        clientId,
        issuer,
        systemClock().getTime(),
      ),
    })
  }
  const secret = await readSecret(terminal)
  return () => ({ client_secret: secret })
}

function checkIssuer(issuer: string, { from, privateKey, allowInsecureHttp }: TokenRequestOptions): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new TokenFault('--issuer must be the http(s) address of a realm: https://auth.example/realms/acme')
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  // An assertion of one's own counts once; a secret or a platform's token could be used again.
  const sent = from === undefined ? 'secret' : 'token of the platform'
  if (privateKey === undefined && !allowInsecureHttp && url.protocol === 'http:' && !isLocal)
    throw new TokenFault(
      `plain HTTP would show the ${sent} to the network: use https, or --allow-insecure-http`,
    )
}

async function readSecret({ input }: Terminal): Promise<string> {
  // Echo and editors leave a line break, which is no part of it.
  const secret = (await text(input)).replace(/\r?\n$/, '')
  if (secret === '') throw new TokenFault('there is no secret on standard input')
  return secret
}

/** One assertion of the client at the issuer (RFC 7523). @throws TokenFault */
export async function clientAssertion(
  file: string,
  keyId: string | undefined,
  clientId: string,
  issuer: string,
): Promise<string> {
  const client = await loadClientPackage()
  return client.makeAssertion(keyOf(client, file, keyId), clientId, issuer, systemClock().getTime())
}

/** The file is read for each request, so a replaced key counts at once. */
function keyOf(client: ClientPackage, file: string, keyId: string | undefined): SigningKey {
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch (error) {
    throw new TokenFault(`the key cannot be read: ${(error as Error).message}`)
  }
  try {
    return client.readPrivateKey(content, keyId)
  } catch (error) {
    if (error instanceof client.PrivateKeyError) throw new TokenFault(`${file}: ${error.message}`)
    throw error
  }
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: Readonly<Record<string, unknown>>
}

async function post(url: string, body: URLSearchParams, stop: AbortSignal | undefined): Promise<Answer> {
  const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS)
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { accept: 'application/json' },
      // A redirect would send the credentials elsewhere.
      redirect: 'error',
      signal: stop ? AbortSignal.any([timeout, stop]) : timeout,
    })
    const { status, headers } = response
    return { status, retryAfter: headers.get('retry-after'), body: parse(await response.text()) }
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error }
    throw new TokenFault(`no answer from ${url}: ${cause?.message || message}`)
  }
}

function parse(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function refusalOf(
  status: number,
  { error, error_description }: Answer['body'],
  retryAfter: string | null,
): TokenFault {
  const said = [error, error_description].filter((part) => typeof part === 'string').join(': ')
  const wait = retryAfter === null ? '' : ` Try again in ${retryAfter} s.`
  const text = `the issuer answered ${status}${said && ` ${said}`}${wait}`.replace(/\p{Cc}/gu, '\ufffd')
  return new TokenFault(text, /^\d{1,5}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined)
}
