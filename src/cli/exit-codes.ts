/** Exit codes of commands; 0 is success. */
export const EXIT = {
  failed: 1,
  usage: 2,
  /** Of a dry run: there are changes. */
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
