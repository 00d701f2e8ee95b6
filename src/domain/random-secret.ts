import { isWeakSecret } from './secret-strength.ts'

/** What programs make: 128 random bits in hex, base64url or letters and digits, and the 122 of a UUID of version 4. */
const HEX = /^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
const MIXED = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z\d+/_-]{22,}={0,2}$/

/** As many letters of one case in a row as a long word has. */
const WORD = /[a-z]{9}|[A-Z]{9}/

/** In a secret that was drawn, more than half of the characters are of another kind than the one before. */
const MIN_CHANGES = 0.4

/** Hex has 16 characters, the others about 62: of so many drawn ones more than this differ. */
const MIN_DISTINCT = { hex: 9, mixed: 15 }

/**
 * Returns whether a secret looks like at least 122 bits that a program has drawn, not like what a person made up.
 * A fast hash of it is as good as a slow one: no attacker gets through so many. Says no in case of doubt.
 */
export function isRandomSecret(secret: string): boolean {
  const isHex = HEX.test(secret) || UUID.test(secret)
  if (!isHex && !MIXED.test(secret)) return false
  const distinct = new Set(secret.replaceAll('-', '')).size
  if (distinct < (isHex ? MIN_DISTINCT.hex : MIN_DISTINCT.mixed)) return false
  return !isWeakSecret(secret) && !hasPattern(secret) && (isHex || (!WORD.test(secret) && changes(secret)))
}

/** Four characters or more that are the same, follow each other, or stand in it twice. */
function hasPattern(secret: string): boolean {
  let steady = 0
  for (let n = 2; n < secret.length; n++) {
    const [a, b, c] = [secret.charCodeAt(n - 2), secret.charCodeAt(n - 1), secret.charCodeAt(n)]
    steady = c - b === b - a && Math.abs(c - b) <= 1 ? steady + 1 : 0
    if (steady > 1) return true
  }
  return /(.{4,}).*\1/.test(secret)
}

function changes(secret: string): boolean {
  const kinds = [...secret].map(kindOf)
  const changed = kinds.filter((kind, n) => n > 0 && kind !== kinds[n - 1]).length
  return changed >= MIN_CHANGES * (secret.length - 1)
}

function kindOf(character: string): 'lower' | 'upper' | 'other' {
  if (/[a-z]/.test(character)) return 'lower'
  return /[A-Z]/.test(character) ? 'upper' : 'other'
}
