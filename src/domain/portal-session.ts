import type { Actor } from './actor.ts'
import type { Access } from './authority.ts'

/** A person who is signed in to the portal of one realm. */
export interface PortalSession {
  readonly realm: string
  /** What the audit trail says of them. */
  readonly subject: string
  readonly displayName: string
  readonly access: Access
  /** Signed in by a one-time link, not by an identity provider. */
  readonly byLink: boolean
}

/** A one-time link lets its first user in for this long after it was made. */
export const LINK_SECONDS = 600

/** Signed out after this long without a click. */
export const IDLE_SECONDS = 30 * 60

/** Signed out after this long, whatever happens. */
export const SESSION_SECONDS = 8 * 3600

/**
 * A session as whoever asks for a change.
 * @param idHash where the session is to be read again; left out for one that is only just made or ended
 */
export function portalActor(
  { realm, subject, access }: Pick<PortalSession, 'realm' | 'subject' | 'access'>,
  address: string,
  idHash?: string,
): Actor {
  const authority = { platform: false, realm, access } as const
  const actor = { kind: 'portal', id: subject, address, authority } as const
  return idHash === undefined ? actor : { ...actor, credential: { kind: 'session', idHash } }
}
