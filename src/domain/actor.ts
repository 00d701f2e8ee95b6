import { type Authority, PLATFORM_AUTHORITY } from './authority.ts'
import type { Precondition } from './precondition.ts'

/** Who requests an administrative change; stored in the audit trail. */
export interface Actor {
  readonly kind: 'cli' | 'api' | 'portal' | 'server'
  /** `realm/client_id`, a portal user's subject, or the operating system's user name. */
  readonly id: string
  readonly address: string | undefined
  /** Name of a person whose id is the subject of an identity provider. */
  readonly name?: string
  readonly authority: Authority
  /** Credential that gives the authority, read again in every transaction of a change; absent: one that cannot end. */
  readonly credential?: ActorCredential
  /** Id that the audit events of one large change share, as `details.change`; absent: it stands alone. */
  readonly change?: string | undefined
  /** Preconditions of the change; absent: none. */
  readonly precondition?: Precondition | undefined
}

/** Access token or portal session of an actor. */
export type ActorCredential =
  | {
      readonly kind: 'token'
      readonly realm: string
      readonly clientId: string
      readonly kid: string
      readonly jti: string
      readonly statusIndex: number
      /** Roles in the token. They limit what it allows. */
      readonly roles: readonly string[]
    }
  | { readonly kind: 'session'; readonly idHash: string }

export const SERVER_ACTOR: Actor = {
  kind: 'server',
  id: 'mintmark',
  address: undefined,
  authority: PLATFORM_AUTHORITY,
}
