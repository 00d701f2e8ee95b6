import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'

/** No configured master key opens this value, or the value was tampered with. */
export class WrongMasterKeyError extends Error {
  override readonly name = 'WrongMasterKeyError'
}

/** A sealed value was changed, or copied from another row. */
export class TamperedSealError extends WrongMasterKeyError {}

/** Seals with the first master key; opens with any configured one. */
export interface Sealer {
  /** Ids of the master keys, which say nothing of the keys. The first one seals. */
  readonly keyIds: readonly [string, ...string[]]
  /** @param context table, row and use of the value; it opens for no other context */
  seal(plaintext: Uint8Array, context: string): string
  /** @throws WrongMasterKeyError; TamperedSealError also for a value sealed for another context */
  open(sealed: string, context: string): Uint8Array
  /** Returns whether the first master key sealed this value, with a context. */
  isCurrent(sealed: string): boolean
}

export interface SealerOptions {
  /** Also opens values without a context, as versions before 0.2 sealed them. Default: false. */
  readonly opensUnbound?: boolean
}

/** A256GCM authenticates the protected header: it cannot be changed without the key. */
interface Header {
  readonly alg: 'dir'
  readonly enc: 'A256GCM'
  readonly kid: string
  readonly ctx?: string
}

export const MASTER_KEY_BYTES = 32

/** A compact JWE (RFC 7516) with direct encryption: no encrypted key, an IV of 96 bits, a tag of 128 bits. */
const COMPACT = /^([\w-]+)\.\.([\w-]{16})\.([\w-]*)\.([\w-]{22})$/
type Parts = readonly string[]

export function generateMasterKey(): string {
  return randomBytes(MASTER_KEY_BYTES).toString('base64url')
}

/** @param masterKeys 32 bytes each; the first one seals */
export function createSealer(masterKeys: readonly Uint8Array[], options: SealerOptions = {}): Sealer {
  const keys = new Map(masterKeys.map((key) => [idOf(key), createSecretKey(key)]))
  const [first] = keys
  if (!first) throw new TypeError('a sealer needs a master key')
  const [currentId, currentKey] = first

  return {
    keyIds: [currentId, ...[...keys.keys()].slice(1)],
    seal: (plaintext, context) =>
      encrypt(plaintext, { alg: 'dir', enc: 'A256GCM', kid: currentId, ctx: context }, currentKey),
    open: (sealed, context) => {
      const parts = COMPACT.exec(sealed)
      const header = headerOf(parts)
      const key = header && keys.get(header.kid)
      if (!parts || !key) throw new WrongMasterKeyError('none of the configured master keys sealed this')
      const plaintext = decrypt(parts, key)
      if (header.ctx === undefined ? !options.opensUnbound : header.ctx !== context)
        throw new TamperedSealError(`a sealed value is not the one for ${context}`)
      return plaintext
    },
    isCurrent: (sealed) => {
      const header = headerOf(COMPACT.exec(sealed))
      return header?.kid === currentId && header.ctx !== undefined
    },
  }
}

function encrypt(plaintext: Uint8Array, header: Header, key: KeyObject): string {
  const protectedHeader = Buffer.from(JSON.stringify(header)).toString('base64url')
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(protectedHeader))
  const text = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const parts = [iv, text, cipher.getAuthTag()].map((part) => part.toString('base64url'))
  return `${protectedHeader}..${parts.join('.')}`
}

/** @param parts of `COMPACT` */
function decrypt([, protectedHeader = '', iv = '', text = '', tag = '']: Parts, key: KeyObject): Uint8Array {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), { authTagLength: 16 })
    decipher.setAAD(Buffer.from(protectedHeader)).setAuthTag(Buffer.from(tag, 'base64url'))
    const plaintext = decipher.update(Buffer.from(text, 'base64url'))
    // Holds no more bytes with GCM: it checks the tag.
    decipher.final()
    return plaintext
  } catch (cause) {
    throw new TamperedSealError('a sealed value does not open', { cause })
  }
}

/** `undefined` for anything that this file does not make: no other algorithm, no compression. */
function headerOf(parts: Parts | null): Header | undefined {
  const protectedHeader = parts?.[1]
  if (protectedHeader === undefined) return undefined
  try {
    const { alg, enc, kid, ctx, ...others } = JSON.parse(Buffer.from(protectedHeader, 'base64url').toString())
    const known =
      alg === 'dir' && enc === 'A256GCM' && typeof kid === 'string' && Object.keys(others).length === 0
    return known ? { alg, enc, kid, ctx } : undefined
  } catch {
    return undefined
  }
}

/** RFC 7638 thumbprint of the key as a JWK. */
function idOf(key: Uint8Array): string {
  const jwk = JSON.stringify({ k: Buffer.from(key).toString('base64url'), kty: 'oct' })
  return createHash('sha256').update(jwk).digest('base64url')
}
