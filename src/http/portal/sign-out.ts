import type { Operations } from '../../operations/operations.ts'
import type { Portal } from './visit.ts'

/** Signs out of the realm, or of all realms that the browser is signed in to. */
export function signOutScreen(portal: Portal, operations: Pick<Operations, 'browserSessions'>): void {
  portal.action('/portal/:realm/sign-out', async (visit, sent) => {
    const isAll = sent.get('realms') === 'all'
    const ended = visit.sessions.filter(({ idHash }) => isAll || idHash === visit.idHash)
    await operations.browserSessions.signOut(ended, visit.address)
    return { redirect: isAll ? '/portal' : `/portal/${visit.realm}/sign-in` }
  })
}
