import { TokenError } from './token-error.ts'

const MAX_DEPTH = 16
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** Parses an object that has no member twice and is not nested absurdly (RFC 8259 section 4, RFC 7519 section 4). */
export function parseStrictObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TokenError('malformed', { cause })
  }
  if (!isRecord(value)) throw new TokenError('malformed', { reason: 'not a JSON object' })
  // JSON.parse keeps the last of two members of one name, so what is missing was there twice.
  if (countMembers(value, 1) !== countColons(text)) throw new TokenError('duplicate_member')
  return value
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function countMembers(value: object, depth: number): number {
  if (depth > MAX_DEPTH) throw new TokenError('malformed', { reason: `nested deeper than ${MAX_DEPTH}` })
  const children = Object.values(value)
  let count = Array.isArray(value) ? 0 : children.length
  for (const child of children) {
    if (typeof child === 'object' && child !== null) count += countMembers(child, depth + 1)
  }
  return count
}

// Outside strings, JSON has a colon for each member and nowhere else.
function countColons(text: string): number {
  let count = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) inString = !inString
    else if (code === BACKSLASH) at++
    else if (code === COLON && !inString) count++
  }
  return count
}
