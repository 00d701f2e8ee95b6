/** Descriptions of the built-in roles. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['view', 'Sees everything in the realm. Every service account starts with it.'],
  ['operate', 'Runs what is there: devices and their jobs.'],
  ['manage', 'Changes settings, devices and device groups.'],
  ['account-admin', 'Looks after service accounts, their secrets and permissions.'],
  ['introspect', 'Asks about tokens at the introspection endpoint, as an API does.'],
])

export function meaningOf(role: string): string {
  return MEANINGS.get(role) ?? 'A role of this realm.'
}
