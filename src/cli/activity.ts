import type { Command } from 'commander'
import type {
  AccountActivity,
  AccountOrigin,
  Activity,
  BusyClient,
  RefusalCount,
  TokenCount,
} from '../domain/activity.ts'
import { accountActivityToWire, realmActivityToWire } from '../wire/activity.ts'
import type { InRealm } from './realm-options.ts'
import { ofAccount } from './realm-options.ts'
import type { InSession } from './session.ts'
import type { Text } from './table.ts'
import { table, time } from './text.ts'

/** Told on a terminal; `--json` has all. */
const TOLD_HOURS = 24
const TOLD_DAYS = 14
const TOLD_REFUSALS = 20

/** `mintmark realm activity`. */
export function realmActivityCommand(realm: Command, inSession: InSession): void {
  realm
    .command('activity')
    .description('tokens that a realm issued and refused by hour and day, and who asks most')
    .argument('<name>')
    .action(
      inSession(async ({ operations, actor }, name: string) => {
        const report = await operations.activity.ofRealm(actor, name)
        return {
          json: realmActivityToWire(report),
          text: joined([countsText(report), refusalsText(report.refusals), busiestText(report.busiest)]),
        }
      }),
    )
}

/** `mintmark service-account activity`. */
export function accountActivityCommand(group: Command, inSession: InSession): void {
  ofAccount(
    group,
    'activity',
    'tokens issued and refused, by hour and day, with reasons and addresses',
  ).action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      const activity = await operations.activity.ofAccount(actor, realm, clientId)
      return { json: accountActivityToWire(activity), text: accountText(activity) }
    }),
  )
}

function accountText(activity: AccountActivity): Text {
  return joined([countsText(activity), refusalsText(activity.refusals), originsText(activity.origins)])
}

function joined(parts: readonly (Text | undefined)[]): Text {
  return parts.filter((part) => part !== undefined).join('\n\n')
}

function refusalsText(refusals: readonly RefusalCount[]): Text | undefined {
  if (refusals.length === 0) return undefined
  const rows = refusals
    .slice(-TOLD_REFUSALS)
    .map(({ startsAt, reason, count }) => [time(startsAt), reason, String(count)])
  return table(['DAY (UTC)', 'REFUSED BECAUSE', 'TIMES'], rows)
}

function originsText(origins: readonly AccountOrigin[]): Text | undefined {
  if (origins.length === 0) return undefined
  const rows = origins.map(({ outcome, address, userAgent, lastAt }) => [
    time(lastAt),
    outcome,
    address,
    userAgent,
  ])
  return table(['LAST (HOUR, UTC)', 'OUTCOME', 'ADDRESS', 'USER AGENT'], rows)
}

function countsText({ hour, day }: Activity): Text {
  if (day.length === 0) return 'No requests for a token in the last 90 days.'
  const rows = (counts: readonly TokenCount[], told: number) =>
    counts
      .slice(-told)
      .map(({ startsAt, issued, refused }) => [time(startsAt), String(issued), String(refused)])
  const days = table(['DAY (UTC)', 'ISSUED', 'REFUSED'], rows(day, TOLD_DAYS))
  if (hour.length === 0) return days
  return `${table(['HOUR (UTC)', 'ISSUED', 'REFUSED'], rows(hour, TOLD_HOURS))}\n\n${days}`
}

function busiestText(busiest: readonly BusyClient[] | undefined): Text {
  if (!busiest) return 'Too many accounts asked today to tell who asks most.'
  if (busiest.length === 0) return 'No account asked today.'
  const rows = busiest.map(({ clientId, issued, refused, needed }) =>
    [clientId, issued, refused, needed].map(String),
  )
  return table(['MOST TOKENS TODAY', 'ISSUED', 'REFUSED', 'NEEDED'], rows)
}
