import { Refusal } from '../../domain/refusal.ts'

export function etagOf(version: number | string): string {
  return `"${version}"`
}

/**
 * The version that a change is based on (RFC 9110 section 13.1.1); `undefined`: whatever it is now, for whoever sends
 * no If-Match or `*`.
 * @throws Refusal `invalid`; `changed_meanwhile` for what was never an ETag of ours
 */
export function readIfMatch(ifMatch: string | undefined): string | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  const tag = /^ *(W\/)?"([\x21\x23-\x7e]*)" *$/.exec(ifMatch)
  if (!tag) throw new Refusal('invalid', 'If-Match must be one ETag, or *.', 'If-Match')
  // Compared strongly: a weak one never matches.
  if (tag[1] || !/^\d{1,18}$/.test(tag[2] as string))
    throw new Refusal('changed_meanwhile', 'If-Match is not the ETag of what is there.', 'If-Match')
  return tag[2]
}
