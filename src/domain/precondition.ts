import { Refusal } from './refusal.ts'

/** Preconditions of a request (RFC 9110 section 13.1); absent ones are not checked. */
export interface Precondition {
  /** Versions, one of which must be the current one; `*`: any, but the target must exist. */
  readonly ifMatch?: '*' | readonly string[] | undefined
  /** Versions, none of which may be the current one; `*`: the target must not exist. */
  readonly ifNoneMatch?: '*' | readonly string[] | undefined
}

/**
 * Current state of a change's target: its version; `null` if it exists without a version, such as a collection;
 * `undefined` if it does not exist.
 */
export type PresentVersion = string | null | undefined

/** @throws Refusal `changed_meanwhile` */
export function checkPrecondition(
  { ifMatch, ifNoneMatch }: Precondition,
  present: PresentVersion,
  what: string,
): void {
  if (ifMatch !== undefined && !matches(ifMatch, present))
    throw new Refusal('changed_meanwhile', `If-Match is not the ETag of ${what} as it is now.`, 'If-Match')
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, present))
    throw new Refusal('changed_meanwhile', `If-None-Match rules out ${what} as it is now.`, 'If-None-Match')
}

function matches(wanted: '*' | readonly string[], present: PresentVersion): boolean {
  if (present === undefined) return false
  return wanted === '*' || (present !== null && wanted.includes(present))
}
