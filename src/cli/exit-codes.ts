import { Refusal, type RefusalCode } from '../domain/refusal.ts'

/** Exit codes of commands; 0 is success. */
export const EXIT = {
  failed: 1,
  usage: 2,
  /** A dry run found changes. */
  changes: 2,
  notFound: 3,
  conflict: 4,
  forbidden: 5,
  unavailable: 6,
} as const

export const EXIT_CODES_HELP = `
Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 not found, 4 conflict or limit reached,
5 not allowed, 6 the database or the server is away. mintmark apply --dry-run: 2 there are changes, 0 there are none. With --json a failure is JSON on standard error.`

/** Why a command failed, and what to do about it. */
export interface Failure {
  readonly exitCode: number
  /** For programs. A refusal's is that of the admin API. */
  readonly code: string
  readonly detail: string
  readonly field?: string | undefined
  readonly limit?: number | undefined
  /** Each fault of a file. */
  readonly faults?: readonly object[] | undefined
}

export const EXIT_OF_REFUSAL: Readonly<Record<RefusalCode, number>> = {
  not_found: EXIT.notFound,
  invalid: EXIT.failed,
  name_taken: EXIT.conflict,
  client_id_taken: EXIT.conflict,
  limit_reached: EXIT.conflict,
  conflict: EXIT.conflict,
  changed_meanwhile: EXIT.conflict,
  last_administrator: EXIT.conflict,
  key_reused: EXIT.conflict,
  forbidden: EXIT.forbidden,
}

/** @returns `undefined` for what is no refusal */
export function failureOfRefusal(error: unknown): Failure | undefined {
  if (!(error instanceof Refusal)) return undefined
  const { code, message: detail, field, limit } = error
  return { exitCode: EXIT_OF_REFUSAL[code], code, detail, field, limit }
}
