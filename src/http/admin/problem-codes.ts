import type { RefusalCode } from '../../domain/refusal.ts'

/** What the admin API may answer beside refusals of operations. */
const OWN_CODES = [
  'no_token',
  'invalid_token',
  'invalid_request',
  'method_not_allowed',
  'unknown_method',
  'not_implemented',
  'too_slow',
  'too_large',
  'too_long',
  'unsupported_media_type',
  'too_many_requests',
  'server_error',
  'temporarily_unavailable',
] as const

/** Status and title of each refusal of an operation. */
export const REFUSALS = {
  not_found: [404, 'Not found'],
  invalid: [400, 'Invalid request'],
  name_taken: [409, 'Name taken'],
  client_id_taken: [409, 'client_id taken'],
  limit_reached: [409, 'Limit reached'],
  forbidden: [403, 'Forbidden'],
  conflict: [409, 'Conflict'],
  changed_meanwhile: [412, 'Changed meanwhile'],
  key_reused: [422, 'Idempotency-Key used before'],
  last_administrator: [409, 'Last platform administrator'],
} satisfies Record<RefusalCode, [number, string]>

/** Last part of a problem's `type`, in its form for code. */
export type ProblemCode = RefusalCode | (typeof OWN_CODES)[number]

export const PROBLEM_CODES: readonly ProblemCode[] = [
  ...(Object.keys(REFUSALS) as RefusalCode[]),
  ...OWN_CODES,
]

/** The `type` of a problem. */
export function problemType(code: ProblemCode): string {
  return `urn:mintmark:problem:${code.replaceAll('_', '-')}`
}
