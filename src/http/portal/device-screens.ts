import type { Operations } from '../../operations/operations.ts'
import { deviceScreen } from './device.ts'
import { deviceDeletionScreen } from './device-deletion.ts'
import { deviceImportScreen } from './device-import.ts'
import { devicesScreen } from './devices.ts'
import { newDeviceScreen } from './new-device.ts'
import type { Portal } from './visit.ts'

/** Settings → Devices. */
export function deviceScreens(
  portal: Portal,
  operations: Pick<Operations, 'realms' | 'resources' | 'grants'>,
): void {
  devicesScreen(portal, operations)
  newDeviceScreen(portal, operations)
  deviceImportScreen(portal, operations)
  deviceDeletionScreen(portal, operations)
  deviceScreen(portal, operations)
}
