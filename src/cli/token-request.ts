import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { makeClientAssertion, PrivateKeyError, readPrivateKey } from '../crypto/client-assertion.ts'
import { CLIENT_ASSERTION_TYPE, tokenEndpointOf } from '../domain/client-assertion.ts'
import { systemClock } from '../domain/clock.ts'
import type { Terminal } from './terminal.ts'

/** Why no token was had, for a person. */
export class TokenFault extends Error {
  override readonly name = 'TokenFault'
}

export interface TokenRequestOptions {
  readonly issuer: string
  readonly clientId: string
  readonly privateKey?: string
  readonly keyId?: string
  readonly scope?: string
  readonly resource?: readonly string[]
  readonly allowInsecureHttp?: boolean
}

const TIMEOUT_MILLISECONDS = 10_000

/**
 * Asks for a token (RFC 6749 section 4.4). Without a key the secret is read from standard input.
 * @throws TokenFault
 */
export async function requestToken(
  options: TokenRequestOptions,
  terminal: Terminal,
): Promise<{ access_token: string }> {
  const issuer = options.issuer.replace(/\/+$/, '')
  const { privateKey, scope, resource = [] } = options
  checkIssuer(issuer, privateKey === undefined && !options.allowInsecureHttp)
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: options.clientId })
  if (scope !== undefined) form.set('scope', scope)
  for (const one of resource) form.append('resource', one)
  if (privateKey === undefined) form.set('client_secret', await readSecret(terminal))
  else {
    form.set('client_assertion_type', CLIENT_ASSERTION_TYPE)
    form.set('client_assertion', assertionOf(privateKey, issuer, options))
  }
  const { status, retryAfter, body } = await post(tokenEndpointOf(issuer), form)
  if (typeof body['access_token'] === 'string') return body as { access_token: string }
  throw new TokenFault(refusalOf(status, body, retryAfter))
}

function checkIssuer(issuer: string, isSecretSent: boolean): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new TokenFault('--issuer must be the http(s) address of a realm: https://auth.example/realms/acme')
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (isSecretSent && url.protocol === 'http:' && !isLocal)
    throw new TokenFault(
      'plain HTTP would show the secret to the network: use https, or --allow-insecure-http',
    )
}

async function readSecret({ input }: Terminal): Promise<string> {
  // Echo and editors leave a line break, which is no part of it.
  const secret = (await text(input)).replace(/\r?\n$/, '')
  if (secret === '') throw new TokenFault('there is no secret on standard input')
  return secret
}

function assertionOf(file: string, issuer: string, { clientId, keyId }: TokenRequestOptions): string {
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch (error) {
    throw new TokenFault(`the key cannot be read: ${(error as Error).message}`)
  }
  try {
    const signer = readPrivateKey(content)
    return makeClientAssertion({ ...signer, kid: keyId ?? signer.kid }, clientId, issuer, systemClock())
  } catch (error) {
    if (error instanceof PrivateKeyError) throw new TokenFault(`${file}: ${error.message}`)
    throw error
  }
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: Readonly<Record<string, unknown>>
}

async function post(url: string, body: URLSearchParams): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { accept: 'application/json' },
      // A redirect would send the credentials elsewhere.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
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
): string {
  const said = [error, error_description].filter((part) => typeof part === 'string').join(': ')
  const wait = retryAfter === null ? '' : ` Try again in ${retryAfter} s.`
  return `the issuer answered ${status}${said && ` ${said}`}${wait}`.replace(/\p{Cc}/gu, '\ufffd')
}
