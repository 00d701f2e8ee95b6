import type { PlatformToken, PlatformTokenFault } from '../../domain/platform-token.ts'
import type { AuthenticatedClient } from './authenticated-client.ts'

/** A token of the platform that the client runs on. */
export interface WorkloadCredentials {
  readonly platformToken: PlatformToken | PlatformTokenFault
  /** The token as it was sent. */
  readonly text: string
  /** The client_id in the form beside it. */
  readonly clientId: string | undefined
}

/** As what a refusal is answered: of a client's authentication, or of a grant. */
export type WorkloadRefusalCode = 'invalid_client' | 'invalid_grant'

/** Given by the room of federation. */
export type AuthenticateWorkload = (
  realmName: string,
  credentials: WorkloadCredentials,
  address: string,
  code: WorkloadRefusalCode,
) => Promise<AuthenticatedClient>
