import type { Operations } from '../../operations/operations.ts'
import type { StoredPortalSession } from '../../storage/portal-sessions.ts'
import type { AdminApi } from './admin-api.ts'
import { fromWire, pageFromWire, pathOf, toWire } from './wire.ts'

/** Links to the portal, and who is signed in to it, over the admin API. */
export function remotePortal({ ask }: AdminApi): Partial<Operations['portal']> {
  const sessions = (realm: string) => pathOf('realms', realm, 'portal-sessions')
  return {
    createLink: async (_actor, realm, { person, access } = {}) => {
      const { body } = await ask('POST', pathOf('realms', realm, 'portal-links'), {
        body: toWire({ person, access }),
      })
      const { url, expiresAt } = fromWire<{ url: string; expiresAt: Date }>(body)
      return { url, expiresAt }
    },
    listSessions: async (_actor, realm) => [
      ...pageFromWire((await ask('GET', sessions(realm))).body, fromWire<StoredPortalSession>).items,
    ],
    endSessions: async (_actor, realm, subject, id) => {
      if (id === undefined) {
        const { body } = await ask('DELETE', sessions(realm), { query: { subject } })
        return (body as { ended: number }).ended
      }
      await ask('DELETE', sessions(realm) + pathOf(id))
      return 1
    },
  }
}
