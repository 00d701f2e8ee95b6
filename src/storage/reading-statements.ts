const SELECT = /^[\s(]*select\b/i
const WITH = /^[\s(]*with\b/i

/** What makes a statement that begins with `with` write. Also found in a text or a name, where it does no harm. */
const WRITING = /\b(?:insert|update|delete|merge)\b/i

/**
 * Whether a statement only reads, so that it may be cancelled. A cancelled COMMIT or write that waits for a standby would be
 * reported as done. Anything in doubt, such as one that begins with a comment, counts as writing.
 */
export function isReading(text: string): boolean {
  return SELECT.test(text) || (WITH.test(text) && !WRITING.test(text))
}
