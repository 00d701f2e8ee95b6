import { createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { algorithmsOf, type ClientKey, type PublicJwk, parseKid, type SentKey } from '../domain/client-key.ts'
import { Refusal } from '../domain/refusal.ts'

type Field = keyof SentKey

const FIELDS = ['jwk', 'pem', 'certificate'] as const satisfies Field[]

/** Members that define the key, by `kty`. All other members of a JWK are dropped. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  AKP: ['alg', 'pub'],
}

const MIN_RSA_BITS = 2048
/** Verifying takes longer with the square of it. */
const MAX_RSA_BITS = 8192
/** With 1 anybody could sign; large ones make a signature as slow to verify as to make. */
const MIN_RSA_EXPONENT = 3n
const MAX_RSA_EXPONENT = 2n ** 32n

const ACCEPTED = 'RSA from 2048 bits, P-256, P-384, Ed25519 or ML-DSA'

/** @throws Refusal `invalid` */
export async function readClientKey(
  sent: SentKey,
  now: Date,
): Promise<Pick<ClientKey, 'kid' | 'thumbprint' | 'algorithm' | 'jwk'>> {
  const [field, other] = FIELDS.filter((one) => sent[one] !== undefined)
  if (field === undefined || other !== undefined)
    throw new Refusal(
      'invalid',
      'Send the public key as exactly one of jwk, pem and certificate.',
      other ?? 'jwk',
    )
  const { jwk: named = {} } = sent
  const key = readKey(sent, now)
  if (key.type !== 'public') throw new Refusal('invalid', 'It must be a public key.', field)
  if (key.asymmetricKeyType === 'rsa') checkRsa(key, field)
  const jwk = exportJwk(key, field, named['alg'])
  const [algorithm] = algorithmsOf(jwk)
  if (algorithm === undefined)
    throw new Refusal('invalid', `A key must be ${ACCEPTED}, and its alg one of those.`, field)
  const thumbprint = await calculateJwkThumbprint(jwk)
  const kid = named['kid'] === undefined ? thumbprint : parseKid(named['kid'])
  return { kid, thumbprint, algorithm, jwk }
}

function readKey({ jwk, pem, certificate }: SentKey, now: Date): KeyObject {
  if (jwk) return ofJwk(jwk)
  if (pem !== undefined) return ofPem(pem)
  return ofCertificate(certificate ?? '', now)
}

function ofJwk(jwk: Readonly<Record<string, unknown>>): KeyObject {
  const { kty, use, key_ops: uses } = jwk
  const members = typeof kty === 'string' && Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined
  if (!members) throw new Refusal('invalid', 'kty must be RSA, EC, OKP or AKP.', 'jwk.kty')
  if (use !== undefined && use !== 'sig') throw new Refusal('invalid', 'use must be sig.', 'jwk.use')
  if (uses !== undefined && !(Array.isArray(uses) && uses.includes('verify')))
    throw new Refusal('invalid', 'key_ops must contain verify.', 'jwk.key_ops')
  for (const member of members) {
    if (typeof jwk[member] !== 'string')
      throw new Refusal('invalid', `A JWK of kty ${kty} has ${members.join(', ')}.`, `jwk.${member}`)
  }
  const own = Object.fromEntries(['kty', ...members].map((member) => [member, jwk[member]]))
  return tried('jwk', () => createPublicKey({ key: own as JsonWebKey, format: 'jwk' }))
}

function ofPem(pem: string): KeyObject {
  const der = derOf(pem, 'PUBLIC KEY')
  if (!der)
    throw new Refusal(
      'invalid',
      'pem must be one public key that begins with -----BEGIN PUBLIC KEY-----; openssl pkey -in FILE -pubout makes it.',
      'pem',
    )
  // By this type only a public key can be read, whatever the label said.
  return tried('pem', () => createPublicKey({ key: der, format: 'der', type: 'spki' }))
}

/** The key does not inherit the certificate's dates, but an expired certificate is probably a mistake. */
function ofCertificate(text: string, now: Date): KeyObject {
  const der = derOf(text, 'CERTIFICATE')
  if (!der)
    throw new Refusal(
      'invalid',
      'certificate must be one certificate that begins with -----BEGIN CERTIFICATE-----.',
      'certificate',
    )
  const certificate = tried('certificate', () => new X509Certificate(der))
  if (certificate.validToDate <= now)
    throw new Refusal(
      'invalid',
      'The certificate has expired. Send a newer one, or its key alone as pem.',
      'certificate',
    )
  return tried('certificate', () => certificate.publicKey)
}

/** The bytes of the only block, which has to be of that label. */
function derOf(text: string, label: string): Buffer | undefined {
  const blocks = [...text.matchAll(/-----BEGIN ([^-]*)-----([A-Za-z0-9+/=\s]*)-----END ([^-]*)-----/g)]
  const [, begin, body, end] = blocks[0] ?? []
  if (blocks.length !== 1 || begin !== label || end !== label) return undefined
  return Buffer.from(body ?? '', 'base64')
}

function checkRsa({ asymmetricKeyDetails }: KeyObject, field: Field): void {
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {}
  if (!isRsaLength(modulusLength))
    throw new Refusal('invalid', `An RSA key has ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits.`, field)
  if (!isRsaExponent(publicExponent))
    throw new Refusal('invalid', 'The exponent of an RSA key must be odd, and 3 to 4294967295.', field)
}

export function isRsaLength(bits: number): boolean {
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS
}

export function isRsaExponent(exponent: bigint): boolean {
  return exponent >= MIN_RSA_EXPONENT && exponent <= MAX_RSA_EXPONENT && exponent % 2n === 1n
}

/** In one form, whatever form it came in, so that a key has one thumbprint. */
function exportJwk(key: KeyObject, field: Field, alg: unknown): PublicJwk {
  const jwk = tried(field, () => key.export({ format: 'jwk' })) as PublicJwk
  if (alg !== undefined && typeof alg !== 'string')
    throw new Refusal('invalid', 'alg must be a text.', 'jwk.alg')
  return alg === undefined ? jwk : { ...jwk, alg }
}

/** The library's message may quote the input. */
function tried<T>(field: Field, read: () => T): T {
  try {
    return read()
  } catch {
    throw new Refusal('invalid', `This is not a public key that can be used here: ${ACCEPTED}.`, field)
  }
}
