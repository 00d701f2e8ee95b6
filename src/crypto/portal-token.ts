import { createHash, randomBytes } from 'node:crypto'
import { createSealer } from './sealing.ts'

/** Purpose of a sealed value. It opens for no other purpose. */
export type PortalPurpose = 'session' | 'sign-in' | 'provider-grant' | 'draft'

/** Seals what the portal gives to browsers, and the provider tokens that it stores. */
export interface PortalSealer {
  /** @param owner owner of the value, where the opener knows it beforehand */
  seal(content: object, purpose: PortalPurpose, owner?: string): string
  /** `undefined`: not sealed with this key for this purpose and owner. */
  open(sealed: string, purpose: PortalPurpose, owner?: string): unknown
}

export function createPortalSealer(key: Uint8Array): PortalSealer {
  const sealer = createSealer([key])
  const contextOf = (purpose: PortalPurpose, owner = '') => `portal ${purpose} ${owner}`.trimEnd()
  return {
    seal: (content, purpose, owner) =>
      sealer.seal(Buffer.from(JSON.stringify(content)), contextOf(purpose, owner)),
    open: (sealed, purpose, owner) => {
      try {
        return JSON.parse(Buffer.from(sealer.open(sealed, contextOf(purpose, owner))).toString())
      } catch {
        return undefined
      }
    },
  }
}

/** 256 random bits: a one-time link's code, or a session id. */
export function newPortalToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Stored form: 256 bits of entropy need neither salt nor a slow hash. */
export function portalTokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
