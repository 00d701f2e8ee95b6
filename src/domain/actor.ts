import { type Authority, PLATFORM_AUTHORITY } from './authority.ts'

/** Who asks for an administrative change; kept in the audit trail. */
export interface Actor {
  readonly kind: 'cli' | 'api' | 'portal' | 'server'
  /** `realm/client_id`, a portal user's subject, or the operating system's user name. */
  readonly id: string
  readonly address: string | undefined
  readonly authority: Authority
}

export const SERVER_ACTOR: Actor = {
  kind: 'server',
  id: 'mintmark',
  address: undefined,
  authority: PLATFORM_AUTHORITY,
}
