import { PlatformTokenError } from './platform-token-error.ts'

export interface Question {
  /** Whom it goes to, in words for an error. */
  readonly whom: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Reply {
  readonly text: string
  readonly headers: Headers
}

const TIMEOUT_MS = 5000
const MAX_CHARACTERS = 64 * 1024

/**
 * One request to a service of the platform. Follows no redirect, which would take credentials elsewhere.
 * @throws PlatformTokenError for no answer, and for one that is not 200
 */
export async function ask(
  url: string,
  { whom, method = 'GET', headers = {}, body }: Question,
): Promise<Reply> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method,
      headers: { ...headers },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body !== undefined && { body }),
    })
    text = await response.text()
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error }
    throw new PlatformTokenError(`no answer from ${whom}: ${cause?.message || message}`)
  }
  if (text.length > MAX_CHARACTERS) throw new PlatformTokenError(`the answer of ${whom} is too large`)
  if (response.status !== 200)
    throw new PlatformTokenError(`${whom} answered ${response.status}: ${excerpt(text)}`)
  return { text, headers: response.headers }
}

/** The start of a refusal, in one line that a terminal may show. */
export function excerpt(text: string): string {
  const line = text.slice(0, 500).replace(/\s+/g, ' ').trim()
  return line.replace(/\p{Cc}/gu, '\ufffd') || 'nothing'
}

/**
 * A text member of a JSON answer.
 * @throws PlatformTokenError
 */
export function memberOf(text: string, member: string, whom: string): string {
  let value: unknown
  try {
    value = (JSON.parse(text) as Record<string, unknown> | null)?.[member]
  } catch {
    throw new PlatformTokenError(`the answer of ${whom} is not JSON`)
  }
  if (typeof value !== 'string' || value === '')
    throw new PlatformTokenError(`the answer of ${whom} has no ${member}`)
  return value
}
