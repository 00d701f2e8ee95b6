import { createHash, randomBytes } from 'node:crypto'
import { createSealer } from './sealing.ts'

/** What a sealed value is for. It opens for nothing else. */
export type PortalPurpose = 'session' | 'sign-in' | 'provider-grant'

/** Seals what the portal gives to browsers and keeps of identity providers. */
export interface PortalSealer {
  /** @param owner whom the value belongs to, where the opener knows that beforehand */
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

/** 256 random bits: the code of a one-time link, or the id of a session. */
export function newPortalToken(): string {
  return randomBytes(32).toString('base64url')
}

/** As it is kept: 256 bits of entropy need no salt and no slow hash. */
export function portalTokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
