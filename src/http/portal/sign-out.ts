import type { Operations } from '../../operations/operations.ts'
import type { Portal } from './visit.ts'

export function signOutScreen(portal: Portal, operations: Pick<Operations, 'portal'>): void {
  portal.action('/portal/:realm/sign-out', async (visit) => {
    await operations.portal.signOut(visit, visit.address)
    return { redirect: `/portal/${visit.realm}/sign-in` }
  })
}
