import { portalTokenHash } from '../../crypto/portal-token.ts'
import type { Access } from '../../domain/authority.ts'
import { LINK_SUBJECT } from '../../domain/portal-session.ts'
import type { PortalLink } from '../../storage/portal-links.ts'

/** For whom a link is. */
export interface LinkRequest {
  readonly person?: string | undefined
  /** Default: `administer`. */
  readonly access?: Access | undefined
  /** As a platform administrator; of realm `system` alone. */
  readonly platform?: boolean
}

/** Who comes in by a link: told apart by for whom it was made. */
export function personOf({
  madeBy,
  person,
  access,
  platform,
}: Pick<PortalLink, 'madeBy' | 'person' | 'access' | 'platform'>) {
  const role = platform ? 'Platform administrator' : access === 'view' ? 'Viewer' : 'Account Admin'
  return {
    subject: `${LINK_SUBJECT}${madeBy}${person === undefined ? '' : ` for ${person}`}`,
    displayName: person ?? role,
  }
}

/** What a link lets in as. */
export const LINK_KINDS = ['administer', 'view', 'platform'] as const

// A version that knows no viewers' or platform administrators' links does not find them.
export function linkHash(code: string, kind: (typeof LINK_KINDS)[number]): string {
  return portalTokenHash(kind === 'administer' ? code : `${kind} ${code}`)
}
