import {
  type AuthenticationFault,
  type OAuthError,
  type OAuthErrorCode,
  TooManyFailuresError,
} from './oauth-error.ts'
import { isClientId } from './service-account.ts'

/** What became of a request to a realm in shadow mode. */
export type ShadowReason =
  | 'issued'
  | 'unknown_client'
  | 'account_disabled'
  | 'wrong_secret'
  | 'no_credentials'
  | 'too_many_failures'
  | OAuthErrorCode

/** Requests of a client in shadow mode that ended in the same way. */
export interface ShadowCount {
  /** Empty: the request named none, or there were too many strangers. */
  readonly clientId: string
  readonly reason: ShadowReason
  readonly count: number
  readonly firstAt: Date
  readonly lastAt: Date
}

export interface ShadowReport {
  readonly shadowMode: boolean
  /** Time of the first request that was counted. */
  readonly since: Date | undefined
  /** Requests by reason. */
  readonly totals: ReadonlyMap<ShadowReason, number>
  /** Accounts that would have got a token. */
  readonly issuedClients: number
  /** What would have failed, the most frequent first; no more than `MAX_SHADOW_COUNTS`. */
  readonly refused: readonly ShadowCount[]
}

export const MAX_SHADOW_COUNTS = 1000

/** Reports of shadow mode tell fewer reasons apart than client authentication does. */
const OF_FAULT: Readonly<Record<AuthenticationFault, ShadowReason>> = {
  no_credentials: 'no_credentials',
  unknown_client: 'unknown_client',
  account_disabled: 'account_disabled',
  account_ended: 'invalid_client',
  network_not_allowed: 'invalid_client',
  wrong_secret: 'wrong_secret',
  secret_ended: 'wrong_secret',
  wrong_assertion: 'invalid_client',
  wrong_platform_token: 'invalid_client',
}

export function shadowReasonOf(error: OAuthError | TooManyFailuresError): ShadowReason {
  if (error instanceof TooManyFailuresError) return 'too_many_failures'
  return error.code === 'invalid_client' && error.fault ? OF_FAULT[error.fault] : error.code
}

const LONG_WORD = /[A-Za-z0-9_~-]{20,}/

/** A client_id as it may be stored: cut where it may be a secret in the wrong field, empty where it cannot be one. */
export function shadowClientId(sent: string | undefined): string {
  if (sent === undefined || !isClientId(sent)) return ''
  const isRandom = LONG_WORD.test(sent) && [/\d/, /[A-Z]/, /[a-z]/].every((kind) => kind.test(sent))
  return isRandom || sent.startsWith('mm_') ? `${sent.slice(0, 4)}…` : sent
}
