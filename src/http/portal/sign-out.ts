import type { Operations } from '../../operations/operations.ts'
import type { Portal } from './visit.ts'

export function signOutScreen(
  portal: Portal,
  { signOutOfPortal }: Pick<Operations, 'signOutOfPortal'>,
): void {
  portal.action('/portal/:tenant/sign-out', async (visit) => {
    await signOutOfPortal(visit, visit.address)
    return { redirect: `/portal/${visit.realm}/sign-in` }
  })
}
