import { Refusal } from './refusal.ts'

/** What a request says that it is based on (RFC 9110 section 13.1); what is left out is not asked for. */
export interface Precondition {
  /** Versions, one of which has to be the present one; `*`: any, as long as the target exists. */
  readonly ifMatch?: '*' | readonly string[] | undefined
  /** Versions, none of which may be the present one; `*`: the target may not exist yet. */
  readonly ifNoneMatch?: '*' | readonly string[] | undefined
}

/**
 * What the target of a change is at this moment: its version; `null` for one that exists and has no version, such as a
 * collection; `undefined` where there is nothing yet.
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
