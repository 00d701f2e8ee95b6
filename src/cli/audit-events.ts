import { type Command, Option } from 'commander'
import type { AuditEventFilter, RecordedAuditEvent } from '../domain/audit-event.ts'
import { auditEventToWire } from '../wire/audit-event.ts'
import { past, realmId, whole } from './arguments.ts'
import type { InSession } from './session.ts'
import type { Text } from './table.ts'
import { table, time } from './text.ts'

interface ListOptions extends AuditEventFilter {
  readonly realm?: string
  readonly realmId?: string
  readonly limit: number
}

export function auditEventCommands(program: Command, inSession: InSession): void {
  const audit = program
    .command('audit')
    .description('audit trail: who did what, when, from where, and with what outcome')

  audit
    .command('prune')
    .description(
      'delete events older than the retention of the policy; run it as the owner of the tables if the server may not delete',
    )
    .action(
      inSession(async ({ operations, actor }) => {
        const deleted = await operations.audit.prune(actor)
        return { json: { deleted }, text: `Deleted: ${deleted}.` }
      }, 'it deletes what the database role of the server may not'),
    )

  audit
    .command('list')
    .description('list the newest events of a realm or of the platform')
    .option('--realm <name>', 'realm of the trail, also a deleted one (default: the platform)')
    .addOption(
      new Option(
        '--realm-id <id>',
        'the same by id (realm_id of an event), for realms that have had one name',
      )
        .argParser(realmId)
        .conflicts('realm'),
    )
    .option('--from <time>', 'at this time or later, or an age: 90m, 12h, 7d', past)
    .option('--to <time>', 'before this time, or an age', past)
    .option('--action <action>', 'service-account.create, key.rotate, …')
    .option('--actor <id>', 'actor')
    .option('--target <name>', 'client_id, kid or name of the target')
    .addOption(new Option('--outcome <outcome>', 'done or refused').choices(['done', 'refused']))
    .option('--limit <number>', 'maximum number of events', whole, 100)
    .action(
      inSession(async (session, { realm, realmId: id, limit, ...filter }: ListOptions) => {
        const { operations, actor, terminal } = session
        const events: RecordedAuditEvent[] = []
        for await (const event of await operations.audit.export(
          actor,
          id === undefined ? realm : { id },
          filter,
        )) {
          if (events.length === limit) {
            terminal.note(`There are more events: these are the newest ${limit} (--limit).`)
            break
          }
          events.push(event)
        }
        return { json: events.map(auditEventToWire), text: listText(events) }
      }),
    )
}

function listText(events: readonly RecordedAuditEvent[]): Text {
  const rows = events.map(({ occurredAt, actor, action, target = '', outcome }) => [
    time(occurredAt),
    `${actor.kind} ${actor.id}`,
    actor.address ?? '',
    action,
    target,
    outcome,
  ])
  return table(['TIME', 'ACTOR', 'ADDRESS', 'ACTION', 'TARGET', 'OUTCOME'], rows)
}
