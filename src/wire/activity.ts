import type { Activity, BusyClient, RealmActivity, TokenCount } from '../domain/activity.ts'

/** Counts of an account or realm, as JSON of the admin API and of the CLI's `--json`. */
export function activityToWire({ hour, day }: Activity) {
  return { hours: hour.map(countToWire), days: day.map(countToWire) }
}

export function realmActivityToWire({ busiest, ...counts }: RealmActivity) {
  return { ...activityToWire(counts), busiest_today: busiest?.map(busyToWire) ?? null }
}

function countToWire({ startsAt, issued, refused }: TokenCount) {
  return { starts_at: startsAt, issued, refused }
}

function busyToWire({ clientId, issued, refused, needed }: BusyClient) {
  return { client_id: clientId, issued, refused, needed }
}
