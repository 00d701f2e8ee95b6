export interface Device {
  readonly id: string
  readonly name: string
  readonly groups: readonly string[]
}

/** Stands in for the database of a real resource server. */
export const DEVICES: readonly Device[] = [
  { id: 'pump-1', name: 'Pump 1', groups: ['eu-edge'] },
  { id: 'pump-2', name: 'Pump 2', groups: ['eu-edge', 'water'] },
  { id: 'gate-7', name: 'Gate 7', groups: ['us-edge'] },
]
