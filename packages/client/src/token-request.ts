import { type Authentication, authenticate, type Credential } from './credential.ts'
import { TokenRequestError } from './token-request-error.ts'

export interface TokenRequest {
  readonly issuer: string
  readonly endpoint: string
  readonly credential: Credential
  readonly scope: string | undefined
  readonly resources: readonly string[]
  readonly timeoutSeconds: number
  readonly now: () => number
}

export interface TokenAnswer {
  readonly accessToken: string
  readonly expiresInSeconds: number
}

const MAX_BYTES = 1024 * 1024

/**
 * Asks for a token (RFC 6749 section 4.4, RFC 8707). Follows no redirect, for one would take the secret elsewhere.
 * @throws TokenRequestError
 */
export async function requestToken(request: TokenRequest): Promise<TokenAnswer> {
  const { authorization, form: proof } = await authentication(request)
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...proof })
  if (request.scope !== undefined) form.set('scope', request.scope)
  for (const resource of request.resources) form.append('resource', resource)
  const { response, text } = await post(request, form, authorization)
  const answer = readObject(text)
  if (!response.ok) throw refusal(response, answer)
  const { access_token, expires_in, token_type } = answer
  if (typeof access_token !== 'string' || typeof token_type !== 'string' || !/^bearer$/i.test(token_type))
    throw new TokenRequestError('the issuer answered without a Bearer token', { status: response.status })
  // RFC 6749 section 5.1 recommends expires_in; without it a token is used once and asked for again.
  const expiresInSeconds = typeof expires_in === 'number' && expires_in > 0 ? expires_in : 0
  return { accessToken: access_token, expiresInSeconds }
}

async function authentication({ credential, issuer, now }: TokenRequest): Promise<Authentication> {
  try {
    return await authenticate(credential, issuer, now())
  } catch (cause) {
    throw new TokenRequestError(`nothing was asked of ${issuer}: ${(cause as Error).message}`, { cause })
  }
}

async function post(
  { endpoint, timeoutSeconds }: TokenRequest,
  body: URLSearchParams,
  authorization: string | undefined,
): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { accept: 'application/json', ...(authorization !== undefined && { authorization }) },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(Math.ceil(timeoutSeconds * 1000)),
    })
    const text = await response.text()
    if (text.length > MAX_BYTES) throw new Error('the answer is too large')
    return { response, text }
  } catch (cause) {
    throw new TokenRequestError(`no answer from ${endpoint}: ${(cause as Error).message}`, { cause })
  }
}

function refusal({ status, headers }: Response, answer: Record<string, unknown>): TokenRequestError {
  const code = typeof answer['error'] === 'string' ? answer['error'] : undefined
  const told = answer['error_description']
  const description = typeof told === 'string' ? `: ${told.slice(0, 500)}` : ''
  return new TokenRequestError(`the issuer answered ${status} ${code ?? ''}${description}`, {
    status,
    code,
    retryAfterSeconds: retryAfter(headers.get('retry-after')),
  })
}

function retryAfter(value: string | null): number | undefined {
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) : undefined
}

function readObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
