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

/** How the subjects of people begin who came by a one-time link; no identity provider's do. */
export const LINK_SUBJECT = 'link of '

/** Lifetime of a one-time link until its first use. */
export const LINK_SECONDS = 600

/** Idle timeout. */
export const IDLE_SECONDS = 30 * 60

/** Realms that a browser is signed in to at once: their cookies have to fit in a header. */
export const MAX_REALMS = 10

/** Maximum lifetime of a session. */
export const SESSION_SECONDS = 8 * 3600

/**
 * Makes an actor of a session.
 * @param idHash where to read the session again; absent for one that starts or ends in this request
 */
export function portalActor(
  {
    realm,
    subject,
    displayName,
    access,
  }: Pick<PortalSession, 'realm' | 'subject' | 'displayName' | 'access'>,
  address: string,
  idHash?: string,
): Actor {
  const authority = { platform: false, realm, access } as const
  // The subject of a link says for whom it was made.
  const name = subject.startsWith(LINK_SUBJECT) ? {} : { name: displayName }
  const actor = { kind: 'portal', id: subject, address, authority, ...name } as const
  return idHash === undefined ? actor : { ...actor, credential: { kind: 'session', idHash } }
}
