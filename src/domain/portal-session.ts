import type { Actor } from './actor.ts'
import type { Access } from './authority.ts'

/** A person who is signed in to the portal of one realm. */
export interface PortalSession {
  readonly realm: string
  /** Name of the person in the audit trail. */
  readonly subject: string
  readonly displayName: string
  readonly access: Access
  /** Signed in by a one-time link, not by an identity provider. */
  readonly byLink: boolean
}

/** Lifetime of a one-time link until its first use. */
export const LINK_SECONDS = 600

/** Idle timeout. */
export const IDLE_SECONDS = 30 * 60

/** Maximum lifetime of a session. */
export const SESSION_SECONDS = 8 * 3600

/**
 * Makes an actor of a session.
 * @param idHash where to read the session again; absent for one that starts or ends in this request
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
