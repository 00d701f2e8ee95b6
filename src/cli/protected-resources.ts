import type { Command } from 'commander'
import type { ImportOutcome, ProtectedResource, ResourceKey } from '../domain/protected-resource.ts'
import { Refusal } from '../domain/refusal.ts'
import { importResourceLines } from '../operations/resources/protected-resource-import.ts'
import { importOutcomeToWire, protectedResourceToWire } from '../wire/protected-resource.ts'
import { allItems } from './all-items.ts'
import { readLines } from './lines.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { InSession, Session } from './session.ts'
import type { Text } from './table.ts'
import { table } from './text.ts'

const PAGE = 1000

export function protectedResourceCommands(program: Command, inSession: InSession): void {
  const group = program
    .command('resource')
    .description('devices, device groups and other resources that roles are granted on')

  ofRealm(
    group,
    'import',
    'make or replace resources, one on each line (NDJSON); groups before what is in them',
  )
    .argument('[file]', 'default: standard input')
    .action(
      inSession(async (session, file: string | undefined, { realm }: InRealm) =>
        importAll(session, realm, await readLines(file, session.terminal)),
      ),
    )

  ofRealm(group, 'list', 'resources of a realm')
    .option('--type <type>', 'only resources of this type')
    .option('--search <text>', 'part of the name or id, case-insensitive')
    .action(
      inSession(async ({ operations, actor }, { realm, type, search }: ListOptions) => {
        const resources = await allItems((after) =>
          operations.resources.list(actor, realm, { after, limit: PAGE, type, contains: search }),
        )
        return { json: resources.map(protectedResourceToWire), text: listText(resources) }
      }),
    )

  ofRealm(group, 'delete', 'delete a resource and all grants on it')
    .argument('<type/id>', 'for example device/d1')
    .action(
      inSession(async ({ operations, actor }, name: string, { realm }: InRealm) => {
        const key = parseResourceName(name)
        await operations.resources.delete(actor, realm, key)
        return { json: { ...key, deleted: true }, text: `Deleted ${name}.` }
      }),
    )
}

interface ListOptions extends InRealm {
  readonly type?: string
  readonly search?: string
}

/** A type contains no slash: the first slash separates it from the id. */
export function parseResourceName(name: string): ResourceKey {
  const [, type, id] = /^([^/]+)\/(.+)$/.exec(name) ?? []
  if (type === undefined || id === undefined)
    throw new Refusal('invalid', 'A resource is named type/id, for example device_group/eu-edge.')
  return { type, id }
}

async function importAll({ operations, actor, terminal }: Session, realm: string, text: string) {
  const counts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  const refused: { line: number; outcome: ImportOutcome & { status: 'refused' } }[] = []
  for await (const chunk of importResourceLines(operations.resources, actor, realm, text)) {
    for (const { line, outcome } of chunk) {
      counts[outcome.status]++
      if (outcome.status === 'refused') refused.push({ line, outcome })
    }
  }
  const answer = {
    json: {
      ...counts,
      refused_lines: refused.map(({ line, outcome }) => importOutcomeToWire(line, outcome)),
    },
    text: Object.entries(counts)
      .map(([status, count]) => `${status}: ${count}`)
      .join('\n'),
  }
  if (refused.length === 0) return answer
  terminal.print(answer)
  const told = refused.slice(0, 20).map(({ line, outcome }) => `  line ${line}: ${outcome.refusal.message}`)
  throw new Refusal('invalid', [`lines that were refused: ${refused.length}`, ...told].join('\n'))
}

function listText(resources: readonly ProtectedResource[]): Text {
  if (resources.length === 0)
    return 'There are none. Make some: mintmark resource import --realm <name> <file>'
  const rows = resources.map(({ type, id, name, groups }) => [type, id, name, groups.join(' ')])
  return table(['TYPE', 'ID', 'NAME', 'GROUPS'], rows)
}
