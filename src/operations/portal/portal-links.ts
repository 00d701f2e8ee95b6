import { portalTokenHash } from '../../crypto/portal-token.ts'
import type { Access } from '../../domain/authority.ts'
import { LINK_SUBJECT } from '../../domain/portal-session.ts'
import type { PortalLink } from '../../storage/portal-links.ts'

/** For whom a link is. */
export interface LinkRequest {
  readonly person?: string | undefined
  /** Default: `administer`. */
  readonly access?: Access | undefined
}

/** Who comes in by a link: told apart by for whom it was made. */
export function personOf({ madeBy, person, access }: Pick<PortalLink, 'madeBy' | 'person' | 'access'>) {
  return {
    subject: `${LINK_SUBJECT}${madeBy}${person === undefined ? '' : ` for ${person}`}`,
    displayName: person ?? (access === 'view' ? 'Viewer' : 'Account Admin'),
  }
}

// A version that knows no viewers' links does not find them.
export function linkHash(code: string, access: Access): string {
  return portalTokenHash(access === 'view' ? `view ${code}` : code)
}
