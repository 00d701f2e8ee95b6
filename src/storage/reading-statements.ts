const SELECT = /^[\s(]*select\b/i
const WITH = /^[\s(]*with\b/i

/** Words that make a statement beginning with `with` write. A match in a text or a name does no harm. */
const WRITING = /\b(?:insert|update|delete|merge)\b/i

/**
 * Whether a statement only reads, so that it may be cancelled. A cancelled COMMIT or write that waits for a standby would be
 * reported as done. Anything in doubt, such as one that begins with a comment, counts as writing.
 */
export function isReading(text: string): boolean {
  return SELECT.test(text) || (WITH.test(text) && !WRITING.test(text))
}
