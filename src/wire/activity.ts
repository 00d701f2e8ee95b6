import type {
  AccountActivity,
  AccountOrigin,
  Activity,
  BusyClient,
  RealmActivity,
  RefusalCount,
  TokenCount,
} from '../domain/activity.ts'

/** What an account asked for, as JSON of the admin API and of the CLI's `--json`. */
export function accountActivityToWire({ refusals, origins, ...counts }: AccountActivity) {
  return {
    ...countsToWire(counts),
    refusals: refusals.map(refusalToWire),
    origins: origins.map(originToWire),
  }
}

function countsToWire({ hour, day }: Activity) {
  return { hours: hour.map(countToWire), days: day.map(countToWire) }
}

function refusalToWire({ startsAt, reason, count }: RefusalCount) {
  return { starts_at: startsAt, reason, count }
}

function originToWire({ outcome, address, userAgent, firstAt, lastAt }: AccountOrigin) {
  return { outcome, address, user_agent: userAgent, first_at: firstAt, last_at: lastAt }
}

export function realmActivityToWire({ busiest, refusals, ...counts }: RealmActivity) {
  return {
    ...countsToWire(counts),
    refusals: refusals.map(refusalToWire),
    busiest_today: busiest?.map(busyToWire) ?? null,
  }
}

function countToWire({ startsAt, issued, refused }: TokenCount) {
  return { starts_at: startsAt, issued, refused }
}

function busyToWire({ clientId, issued, refused, needed }: BusyClient) {
  return { client_id: clientId, issued, refused, needed }
}
