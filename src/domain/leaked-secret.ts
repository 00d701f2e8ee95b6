import { OAuthError } from './oauth-error.ts'

/** What a realm does with a leaked secret: revoke it, or only report it. */
export const LEAKED_SECRET_ACTIONS = ['disable', 'alert'] as const
export type LeakedSecretAction = (typeof LEAKED_SECRET_ACTIONS)[number]

/** One entry of a report, in the format of GitHub's secret scanning partner program. */
export interface LeakedSecretReport {
  readonly token: string
  /** Where it was found. */
  readonly url: string | undefined
  /** Kind of that place: `content`, `commit`, `gist_content`, … */
  readonly source: string | undefined
}

const MAX_ENTRIES = 100
const MAX_TEXT = 500

/** @throws OAuthError `invalid_request` */
export function parseLeakedSecrets(body: unknown): readonly LeakedSecretReport[] {
  if (!Array.isArray(body) || body.length === 0 || body.length > MAX_ENTRIES)
    throw new OAuthError('invalid_request', `Send an array of 1 to ${MAX_ENTRIES} entries.`)
  return body.map((entry: unknown) => {
    const { token, url, source } = (entry ?? {}) as Record<string, unknown>
    if (typeof token !== 'string') throw new OAuthError('invalid_request', 'An entry has no token.')
    return { token, url: placeOf(url), source: placeOf(source) }
  })
}

// People will read what a stranger sent: keep it short, on one line, and without the secret.
function placeOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  return (
    value
      .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '')
      .replaceAll(/mm(?:_|%5f)[0-9a-z]+/gi, 'mm_…')
      .slice(0, MAX_TEXT)
      // Half of a surrogate pair, which PostgreSQL refuses.
      .replace(/\p{Cs}$/u, '')
  )
}

export interface LeakedSecret {
  readonly clientId: string
  readonly secretId: string
  /** Where it was found. */
  readonly url: string | undefined
  /** Kind of that place. */
  readonly source: string | undefined
  readonly foundAt: Date
}

/** A leak that somebody has to do something about. */
export interface OpenLeak extends LeakedSecret {
  /** Name of the account. */
  readonly name: string
  /** The secret still works. */
  readonly isValid: boolean
}

/** Leaks that are told at most. */
export const MAX_OPEN_LEAKS = 1000
