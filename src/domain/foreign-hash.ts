import { Refusal } from './refusal.ts'

/** Kinds of hashes that a secret may be imported with. */
export const FOREIGN_HASH_KINDS = [
  'argon2id',
  'bcrypt',
  'pbkdf2-sha256',
  'pbkdf2-sha512',
  'sha256',
  'sha512',
] as const
export type ForeignHashKind = (typeof FOREIGN_HASH_KINDS)[number]

/** A hash in parts: how to make it of a secret, and what should come out. */
export interface ForeignHash {
  readonly kind: ForeignHashKind
  /** argon2id: KiB, passes, lanes. bcrypt: cost. PBKDF2: rounds. */
  readonly cost: readonly number[]
  readonly salt: Buffer
  readonly digest: Buffer
}

/** What a check may cost at most, so that an import cannot make the server work for long. */
const MAX_ARGON2_KIBIBYTES = 262_144
const MAX_ARGON2_KIBIBYTES_PASSED = 1_048_576
const MAX_ARGON2_LANES = 16
const BCRYPT_COSTS = { min: 4, max: 14 }
const MAX_PBKDF2_ROUNDS = 1_000_000
const MIN_SALT_BYTES = 4
const MAX_BYTES = 64
const MIN_DIGEST_BYTES = 16

const DIGEST_BYTES = { sha256: 32, sha512: 64 } as const

const FORMS: readonly [RegExp, (groups: readonly string[]) => ForeignHash][] = [
  [/^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([\w+/]+={0,2})\$([\w+/]+={0,2})$/, argon2id],
  [/^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/, bcrypt],
  // passlib: rounds alone, base64 with dots. Hydra: named rounds and length, standard base64.
  [
    /^\$pbkdf2-(sha256|sha512)\$(?:i=)?(\d{1,9})(?:,l=\d{1,3})?\$([\w+/.-]+={0,2})\$([\w+/.-]+={0,2})$/,
    pbkdf2,
  ],
  [/^(sha256|sha512):([\w+/-]+={0,2})$/, plainDigest],
]

/**
 * Reads a hash that another server made.
 * @throws Refusal `invalid` for another kind, and for one whose check would cost too much
 */
export function parseForeignHash(text: string): ForeignHash {
  for (const [form, read] of FORMS) {
    const groups = form.exec(text)
    if (groups) return read(groups.slice(1))
  }
  refuse(
    'A secret_hash is argon2id ($argon2id$v=19$…), bcrypt ($2a$, $2b$, $2y$), PBKDF2 ($pbkdf2-sha256$, $pbkdf2-sha512$), sha256:… or sha512:….',
  )
}

function argon2id([m, t, p, salt = '', digest = '']: readonly string[]): ForeignHash {
  const [memory, passes, lanes] = [Number(m), Number(t), Number(p)]
  if (lanes < 1 || lanes > MAX_ARGON2_LANES || passes < 1 || memory < 8 * lanes)
    refuse('The parameters of this argon2id hash are impossible.')
  if (memory > MAX_ARGON2_KIBIBYTES || memory * passes > MAX_ARGON2_KIBIBYTES_PASSED)
    refuse(
      `An argon2id hash may take m=${MAX_ARGON2_KIBIBYTES}, and m times t ${MAX_ARGON2_KIBIBYTES_PASSED}.`,
    )
  const kept = { salt: bytesOf(salt, 8), digest: bytesOf(digest, MIN_DIGEST_BYTES) }
  return { kind: 'argon2id', cost: [memory, passes, lanes], ...kept }
}

function bcrypt([cost, salt = '', digest = '']: readonly string[]): ForeignHash {
  const rounds = Number(cost)
  if (rounds < BCRYPT_COSTS.min || rounds > BCRYPT_COSTS.max)
    refuse(`The cost of a bcrypt hash is ${BCRYPT_COSTS.min} to ${BCRYPT_COSTS.max}.`)
  // The digest stays in bcrypt's own letters.
  return { kind: 'bcrypt', cost: [rounds], salt: fromBcryptBase64(salt), digest: Buffer.from(digest) }
}

function pbkdf2([hash, i, salt = '', digest = '']: readonly string[]): ForeignHash {
  const rounds = Number(i)
  if (rounds < 1 || rounds > MAX_PBKDF2_ROUNDS) refuse(`PBKDF2 may have 1 to ${MAX_PBKDF2_ROUNDS} rounds.`)
  const kept = { salt: bytesOf(salt, MIN_SALT_BYTES), digest: bytesOf(digest, MIN_DIGEST_BYTES) }
  return { kind: hash === 'sha256' ? 'pbkdf2-sha256' : 'pbkdf2-sha512', cost: [rounds], ...kept }
}

function plainDigest([kind, text = '']: readonly string[]): ForeignHash {
  const algorithm = kind === 'sha256' ? 'sha256' : 'sha512'
  const bytes = DIGEST_BYTES[algorithm]
  const isHex = text.length === 2 * bytes && /^[0-9a-f]+$/i.test(text)
  const digest = Buffer.from(text, isHex ? 'hex' : 'base64')
  if (digest.length !== bytes || (!isHex && !isBase64Of(text, digest)))
    refuse(`${algorithm}: is followed by the ${bytes} bytes of the hash in base64, base64url or hex.`)
  return { kind: algorithm, cost: [], salt: Buffer.alloc(0), digest }
}

/** Standard base64, base64url or passlib's, with or without padding. */
function bytesOf(text: string, min: number): Buffer {
  const bytes = Buffer.from(text.replaceAll('.', '+'), 'base64')
  if (bytes.length < min || bytes.length > MAX_BYTES || !isBase64Of(text, bytes))
    refuse('The salt or the hash in secret_hash is too short, too long or no base64.')
  return bytes
}

/** Whether a text is the one way to write these bytes, in any alphabet of base64. */
function isBase64Of(text: string, bytes: Buffer): boolean {
  const written = text.replace(/=+$/, '').replaceAll(/[+.]/g, '-').replaceAll('/', '_')
  return written === bytes.toString('base64url')
}

const BCRYPT_ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const BASE64_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** 16 bytes; the bits that are left over count for nothing, as in every bcrypt. */
function fromBcryptBase64(text: string): Buffer {
  const standard = [...text].map((letter) => BASE64_ALPHABET[BCRYPT_ALPHABET.indexOf(letter)]).join('')
  return Buffer.from(standard, 'base64').subarray(0, 16)
}

function refuse(message: string): never {
  throw new Refusal('invalid', message, 'secret_hash')
}
