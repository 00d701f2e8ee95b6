import { type CryptoKey, compactVerify } from 'jose'
import type { KeySet } from './key-set.ts'
import { parseStrictObject } from './strict-json.ts'
import { TokenError } from './token-error.ts'

export interface SignedJwt {
  readonly text: string
  readonly alg: string
  readonly kid: string
  /** Not to be believed before `checkSignature`. */
  readonly claims: Record<string, unknown>
}

export interface JwtRules {
  readonly maxBytes: number
  /** Media type without `application/`, lower case. */
  readonly type: string
  readonly algorithms: ReadonlySet<string>
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// A key is the issuer's to publish; what a token says of its own key is not asked (RFC 8725 section 3.10).
const FORBIDDEN = ['crit', 'b64', 'jku', 'jwk', 'x5u', 'x5c']

/** Reads a JWT and checks its header. Its claims are not yet to be believed. */
export function readJwt(text: string, { maxBytes, type, algorithms }: JwtRules): SignedJwt {
  if (typeof text !== 'string') throw new TokenError('malformed', { reason: 'not a string' })
  if (text.length > maxBytes) throw new TokenError('too_large')
  // An unsigned JWT ends in a dot; say what is wrong with it, as its alg does.
  if (!COMPACT.test(text) && !COMPACT.test(`${text}_`)) throw new TokenError('malformed')
  const [header, payload] = text.split('.') as [string, string]
  const { alg, kid, typ, ...rest } = parseStrictObject(decode(header))
  if (typeof alg !== 'string' || !algorithms.has(alg))
    throw new TokenError('algorithm_not_allowed', { reason: `alg ${JSON.stringify(alg)}` })
  for (const name of FORBIDDEN) {
    if (Object.hasOwn(rest, name)) throw new TokenError('forbidden_header', { reason: name })
  }
  if (typeof typ !== 'string' || typ.toLowerCase().replace(/^application\//, '') !== type)
    throw new TokenError('wrong_type', { reason: `typ ${JSON.stringify(typ)}` })
  if (typeof kid !== 'string') throw new TokenError('unknown_key', { reason: 'no kid' })
  return { text, alg, kid, claims: parseStrictObject(decode(payload)) }
}

/** The `iss` of a JWT before its signature is checked. Use it to choose a verifier, and for nothing else. */
export function peekIssuer(text: string, maxBytes: number): unknown {
  if (typeof text !== 'string') throw new TokenError('malformed', { reason: 'not a string' })
  if (text.length > maxBytes) throw new TokenError('too_large')
  if (!COMPACT.test(text) && !COMPACT.test(`${text}_`)) throw new TokenError('malformed')
  return parseStrictObject(decode(text.split('.', 2)[1] as string))['iss']
}

/**
 * Checks the signature against the issuer's key of that kid, which must be a key for that algorithm.
 * @returns the key that it held for
 */
export async function checkSignature({ text, alg, kid }: SignedJwt, keys: KeySet): Promise<unknown> {
  const key = await keys.find(kid, alg)
  if (!isWhole(text, key)) throw new TokenError('bad_signature', { reason: 'another length than the key' })
  try {
    await compactVerify(text, key, { algorithms: [alg] })
    return key
  } catch (cause) {
    throw new TokenError('bad_signature', { cause })
  }
}

/** RFC 8017 section 8.1.2: an RSA signature is as long as the modulus. OpenSSL also accepts one without its leading zeros. */
function isWhole(text: string, { algorithm }: CryptoKey): boolean {
  const { modulusLength } = algorithm as { modulusLength?: number }
  const bytes = Buffer.byteLength(text.slice(text.lastIndexOf('.') + 1), 'base64url')
  return modulusLength === undefined || bytes === Math.ceil(modulusLength / 8)
}

function decode(segment: string): string {
  try {
    return UTF8.decode(Buffer.from(segment, 'base64url'))
  } catch (cause) {
    throw new TokenError('malformed', { cause })
  }
}
