import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits: the code of a one-time link, or the id of a session. */
export function newPortalToken(): string {
  return randomBytes(32).toString('base64url')
}

/** As it is kept: 256 bits of entropy need no salt and no slow hash. */
export function portalTokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
