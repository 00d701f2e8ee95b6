import { Refusal } from './refusal.ts'

/** How long a request may be repeated with its key. */
export const IDEMPOTENCY_KEY_SECONDS = 86_400

/** Keys that an administrator may have at once. */
export const MAX_IDEMPOTENCY_KEYS = 10_000

/** A longer answer is not kept. */
export const MAX_KEPT_ANSWER = 65_536

/** What was answered, without secrets. */
export interface KeptAnswer {
  readonly status: number
  readonly location: string | undefined
  readonly etag: string | undefined
  readonly body: string
}

/** The text of the key: in double quotes, as the draft has it (RFC 9651), or without. @throws Refusal `invalid` */
export function parseIdempotencyKey(header: string): string {
  const [, quoted, bare] =
    /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))$/.exec(header) ?? []
  const key = quoted ?? bare
  if (key === undefined)
    throw new Refusal(
      'invalid',
      'Idempotency-Key must be one text of 1 to 255 ASCII characters, such as a UUID.',
      'Idempotency-Key',
    )
  return key
}

const SECRETS = ['client_secret']

/** The body of an answer without what is shown once. */
export function withoutSecrets(body: string): string {
  const parsed = body === '' ? undefined : (JSON.parse(body) as Record<string, unknown>)
  if (parsed === undefined || parsed === null || !SECRETS.some((name) => name in parsed)) return body
  return JSON.stringify(
    Object.fromEntries(Object.entries(parsed).filter(([name]) => !SECRETS.includes(name))),
  )
}
