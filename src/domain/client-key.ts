import { Refusal } from './refusal.ts'

/** How a service account may authenticate: by a secret, by an assertion signed with its key, or by a token of its platform. */
export const AUTH_METHODS = ['client_secret', 'private_key_jwt', 'federated'] as const
export type AuthMethod = (typeof AUTH_METHODS)[number]

/** Accepted audience of assertions: the realm's issuer or, for older clients, also the token endpoint. */
export const ASSERTION_AUDIENCES = ['issuer', 'issuer_or_token_endpoint'] as const
export type AssertionAudience = (typeof ASSERTION_AUDIENCES)[number]

/** Signing algorithms of assertions (RFC 7518, RFC 8037, RFC 9864, ML-DSA for JOSE). */
export const KEY_ALGORITHMS = [
  'RS256',
  'PS256',
  'ES256',
  'ES384',
  'EdDSA',
  'Ed25519',
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
] as const
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number]

/** The members of a public JWK that say what the key is, and `alg` where it is for one algorithm only. */
export type PublicJwk = Readonly<Record<string, string>>

/** A public key as it was sent: exactly one of these. */
export interface SentKey {
  readonly jwk?: Readonly<Record<string, unknown>> | undefined
  /** SubjectPublicKeyInfo. */
  readonly pem?: string | undefined
  /** X.509 in PEM, of which only the key is taken. */
  readonly certificate?: string | undefined
}

/** A public key of a service account. Its uses are noted under its thumbprint. */
export interface ClientKey {
  /** kid in the header of assertions, unique in the account. */
  readonly kid: string
  /** RFC 7638, by SHA-256. */
  readonly thumbprint: string
  readonly algorithm: KeyAlgorithm
  readonly jwk: PublicJwk
  /** In the administrator's words; may be empty. */
  readonly name: string
  readonly createdAt: Date
  /** `undefined`: good until it is deleted. */
  readonly expiresAt: Date | undefined
  readonly lastUsedAt: Date | undefined
}

export const MAX_KEYS = 10

/** By `kty`, or `kty` and `crv`; the first is what a key is said to be for that names none itself. */
const ALGORITHMS_OF: Readonly<Record<string, readonly KeyAlgorithm[]>> = {
  RSA: ['RS256', 'PS256'],
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
}

const AKP = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const

const NONE: readonly KeyAlgorithm[] = []

/** Values of `alg` that an assertion by this key may have; empty for an unsupported key. */
export function algorithmsOf({ kty, crv, alg }: PublicJwk): readonly KeyAlgorithm[] {
  const own = kty === 'AKP' ? AKP : ALGORITHMS_OF[kty === 'RSA' ? kty : `${kty} ${crv}`]
  if (own === undefined) return NONE
  return alg === undefined ? own : own.filter((one) => one === alg)
}

export function isKeyValid({ expiresAt }: Pick<ClientKey, 'expiresAt'>, now: Date): boolean {
  return expiresAt === undefined || expiresAt > now
}

/**
 * Each once, in the usual order.
 * @throws Refusal `invalid`
 */
export function parseAuthMethods(
  methods: readonly string[],
  field: 'auth_methods' | 'allowed_auth_methods',
): readonly AuthMethod[] {
  const known = AUTH_METHODS.filter((method) => methods.includes(method))
  if (known.length === 0 || known.length !== methods.length)
    throw new Refusal(
      'invalid',
      `${field} must be one or more different ones of: ${AUTH_METHODS.join(', ')}.`,
      field,
    )
  return known
}

/** Parses a file or text in any supported key format. @throws Refusal `invalid` */
export function readKeyText(text: string): SentKey {
  if (text.trim().startsWith('{')) {
    try {
      return { jwk: JSON.parse(text) as Record<string, unknown> }
    } catch {
      // The parser's message may quote the text.
      throw new Refusal('invalid', 'It begins as a JWK does, but is not JSON.', 'jwk')
    }
  }
  return text.includes('BEGIN CERTIFICATE') ? { certificate: text } : { pem: text }
}

/** Characters of the name of a key, a trusted issuer or a workload identity. */
export const MAX_KEY_NAME_LENGTH = 100
const KEY_NAME = new RegExp(
  String.raw`^(?:[\p{L}\p{M}\p{N}\p{P}\p{S} ]|\u200d|\ufe0f){0,${MAX_KEY_NAME_LENGTH}}$`,
  'u',
)
export const KID_PATTERN = String.raw`^[\x21-\x7e]{1,128}$`
const KID = new RegExp(KID_PATTERN)

/** The kid that a JWK brings. @throws Refusal `invalid` */
export function parseKid(kid: unknown): string {
  if (typeof kid !== 'string' || !KID.test(kid) || isPathStep(kid))
    throw new Refusal('invalid', 'A kid has 1 to 128 printable ASCII characters without spaces.', 'jwk.kid')
  return kid
}

/** Whether a URL path cannot have it as a name, so that no address would lead to it. */
export function isPathStep(name: string): boolean {
  return name === '.' || name === '..'
}

/** @throws Refusal `invalid` */
export function parseKeyName(input: string): string {
  const name = input.normalize('NFC').trim()
  if (!KEY_NAME.test(name))
    throw new Refusal('invalid', `A name has at most ${MAX_KEY_NAME_LENGTH} printable characters.`, 'name')
  return name
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

const PRIVATE_MEMBER = new RegExp(`"(?:${PRIVATE_MEMBERS.join('|')})"\\s*:`)

/** Deeper than any key, and shallow enough for the stack. */
const MAX_DEPTH = 20

/**
 * Finds a private key in a value that should hold a public one, at any depth.
 * @returns the address of the member, as `jwk.d`
 */
export function findPrivateMember(value: unknown, at = '', depth = 0): string | undefined {
  if (typeof value === 'string') return isPrivateText(value) ? at : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === MAX_DEPTH) return at
  for (const [name, member] of Object.entries(value)) {
    // A name that is none could be a key itself.
    const known = /^\w{1,40}$/.test(name) ? name : '?'
    const address = at === '' ? known : `${at}.${known}`
    if (PRIVATE_MEMBERS.includes(name)) return address
    const found = findPrivateMember(member, address, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** In PEM, or a JWK in a text. */
function isPrivateText(text: string): boolean {
  return /BEGIN [A-Z0-9 ]*PRIVATE KEY/.test(text) || (text.includes('"kty"') && PRIVATE_MEMBER.test(text))
}
