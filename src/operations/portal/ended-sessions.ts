import { deleteEndedPortalSessions } from '../../storage/portal-sessions.ts'
import type { Dependencies } from '../dependencies.ts'
import type { ProviderGrants } from './provider-grants.ts'

export interface EndedSessionOperations {
  /**
   * Deletes portal sessions that have ended and revokes what their identity provider gave, a few at a time. Returns
   * whether there may be more of them.
   */
  deleteEndedPortalSessions(): Promise<boolean>
}

/** Sessions deleted in one go, whose providers are asked at the same time. */
const BATCH = 20

export function endedSessionOperations(
  { db, clock, log }: Pick<Dependencies, 'db' | 'clock' | 'log'>,
  { revoke }: Pick<ProviderGrants, 'revoke'>,
): EndedSessionOperations {
  return {
    async deleteEndedPortalSessions() {
      const ended = await deleteEndedPortalSessions(db, clock(), BATCH)
      const revoking = ended.map((session) =>
        revoke(session).catch((error: Error) =>
          log(`the identity provider of realm ${session.realm} did not revoke a refresh token`, error),
        ),
      )
      await Promise.all(revoking)
      return ended.length === BATCH
    },
  }
}
