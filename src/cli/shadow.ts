import type { Command } from 'commander'
import type { ShadowReport } from '../domain/shadow.ts'
import { shadowReportToWire } from '../wire/shadow.ts'
import type { InSession } from './session.ts'
import { fields, table, time } from './text.ts'

/** Told on a terminal; `--json` has all. */
const TOLD = 50

/** `mintmark realm shadow`. */
export function shadowCommand(realm: Command, inSession: InSession): void {
  realm
    .command('shadow')
    .description('show what a realm in shadow mode would have answered')
    .argument('<name>')
    .option('--reset', 'forget the counts')
    .action(
      inSession(async ({ operations, actor }, name: string, { reset }: { reset?: true }) => {
        if (reset) {
          await operations.shadow.reset(actor, name)
          return { json: { name, reset: true }, text: `The counts of ${name} are forgotten.` }
        }
        const report = await operations.shadow.report(actor, name)
        return { json: shadowReportToWire(report), text: textOf(report) }
      }),
    )
}

function textOf({ shadowMode, since, totals, issuedClients, refused }: ShadowReport): string {
  const counts = [...totals].filter(([reason]) => reason !== 'issued')
  const head = fields({
    'shadow mode': shadowMode ? 'on' : 'off',
    since: time(since) || 'nothing was counted yet',
    'would have got a token': `${totals.get('issued') ?? 0} requests of ${issuedClients} accounts`,
    'would have failed': counts.map(([reason, count]) => `${reason} ${count}`).join(', ') || 'none',
  })
  if (refused.length === 0) return head
  const rows = refused
    .slice(0, TOLD)
    .map(({ clientId, reason, count, lastAt }) => [clientId || '-', reason, String(count), time(lastAt)])
  return `${head}\n\n${table(['CLIENT_ID', 'REASON', 'COUNT', 'LAST'], rows)}`
}
