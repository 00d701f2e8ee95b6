import type { Operations } from '../../operations/operations.ts'
import { newRealmScreen } from './new-realm.ts'
import { oneRealmScreen } from './one-realm.ts'
import { realmsScreen } from './realms.ts'
import type { Portal } from './visit.ts'

/** For platform administrators alone. */
export function platformScreens(
  portal: Portal,
  operations: Pick<Operations, 'realms' | 'activity' | 'portal'>,
): void {
  realmsScreen(portal, operations)
  newRealmScreen(portal, operations)
  oneRealmScreen(portal, operations)
}
