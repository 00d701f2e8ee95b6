import type { Command } from 'commander'
import type { Activity, BusyClient, TokenCount } from '../domain/activity.ts'
import { activityToWire, realmActivityToWire } from '../wire/activity.ts'
import type { InRealm } from './realm-options.ts'
import { ofAccount } from './realm-options.ts'
import type { InSession } from './session.ts'
import type { Text } from './table.ts'
import { table, time } from './text.ts'

/** Told on a terminal; `--json` has all. */
const TOLD_HOURS = 24
const TOLD_DAYS = 14

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
          text: [countsText(report), busiestText(report.busiest)].join('\n\n'),
        }
      }),
    )
}

/** `mintmark service-account activity`. */
export function accountActivityCommand(group: Command, inSession: InSession): void {
  ofAccount(group, 'activity', 'tokens that it was issued and refused, by hour and day').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      const counts = await operations.activity.ofAccount(actor, realm, clientId)
      return { json: activityToWire(counts), text: countsText(counts) }
    }),
  )
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
