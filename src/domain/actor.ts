import { type Authority, PLATFORM_AUTHORITY } from './authority.ts'
import type { Precondition } from './precondition.ts'

/** Who asks for an administrative change; kept in the audit trail. */
export interface Actor {
  readonly kind: 'cli' | 'api' | 'portal' | 'server'
  /** `realm/client_id`, a portal user's subject, or the operating system's user name. */
  readonly id: string
  readonly address: string | undefined
  readonly authority: Authority
  /** What the authority rests on, read again in every transaction of a change; left out: on nothing that could end. */
  readonly credential?: ActorCredential
  /** What the change is based on; left out: on whatever it finds. */
  readonly precondition?: Precondition | undefined
}

/** The access token, or the portal session, that an actor came with. */
export type ActorCredential =
  | {
      readonly kind: 'token'
      readonly realm: string
      readonly clientId: string
      readonly kid: string
      readonly jti: string
      readonly statusIndex: number
      /** Roles that the token says: it never lets in for more. */
      readonly roles: readonly string[]
    }
  | { readonly kind: 'session'; readonly idHash: string }

export const SERVER_ACTOR: Actor = {
  kind: 'server',
  id: 'mintmark',
  address: undefined,
  authority: PLATFORM_AUTHORITY,
}
