import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { FileText } from '../operations/realm-files/file-reader.ts'
import { readRealmFolder } from '../operations/realm-files/realm-file-folder.ts'
import type { RealmPlan } from '../operations/realm-files/realm-plan.ts'
import { confirmed, YES } from './confirmation.ts'
import { EXIT } from './exit-codes.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import { planText, summaryOf } from './realm-plan-text.ts'
import type { Answer, InSession, Session } from './session.ts'
import type { Terminal } from './terminal.ts'

interface ApplyOptions {
  readonly file?: string
  readonly dryRun?: true
  readonly prune?: true
  readonly yes?: true
  readonly schema?: true
}

const OF_ONE_MOMENT = 'a realm is written as it is at one moment, and the admin API reads it page by page'
const IN_ONE_TRANSACTION =
  'a file is applied whole or not at all, and the admin API makes one change after the other'

/** Realms as files. */
export function realmFileCommands(program: Command, inSession: InSession, terminal: Terminal): void {
  ofRealm(program, 'export', 'print a realm as a YAML file, without secrets', 'realm to export').action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const { writeRealmFile } = await import('../operations/realm-files/file-writer.ts')
      const exported = await operations.realmFiles.export(actor, realm)
      return { json: exported, text: writeRealmFile(exported) }
    }, OF_ONE_MOMENT),
  )

  const apply = inSession((session, options: ApplyOptions) => applyFile(session, options), IN_ONE_TRANSACTION)
  program
    .command('apply')
    .description('apply a realm file: create and change what it names, keep the rest')
    .option(
      '-f, --file <file>',
      'YAML or JSON; a folder: all *.yaml, *.yml and *.json in it; -: standard input',
    )
    .option('--dry-run', 'change nothing; exit code 2 if there are changes, 0 if there are none')
    .option('--prune', 'delete what the lists of the file do not name')
    .option(...YES)
    .option('--schema', 'print the JSON Schema of such a file')
    .action(async (options: ApplyOptions, command: Command) => {
      if (options.schema) terminal.print(await schemaAnswer())
      else if (options.file === undefined) command.error('error: required option -f, --file <file>')
      else await apply(options)
    })
}

async function schemaAnswer(): Promise<Answer> {
  const { realmFileSchema } = await import('../operations/realm-files/shipped-schema.ts')
  const json = realmFileSchema()
  return { json, text: JSON.stringify(json, null, 2) }
}

async function applyFile(session: Session, options: ApplyOptions): Promise<Answer> {
  const { operations, actor, terminal } = session
  const { dryRun = false, prune = false, yes } = options
  const files = await readFiles(options.file as string, terminal)
  const isAsked = prune && !dryRun && !yes
  const sure = isAsked ? await confirmDeletions(session, files) : {}
  const plans = await operations.realmFiles.apply(actor, files, { dryRun, prune, ...sure })
  const changes = plans.flatMap((plan) => plan.changes)
  const json = { dry_run: dryRun, prune, ...summaryOf(plans), realms: plans }
  const isDifferent = dryRun && changes.length > 0
  return { json, text: planText(plans, dryRun), ...(isDifferent && { exitCode: EXIT.changes }) }
}

function readFiles(file: string, { input }: Terminal): Promise<readonly FileText[]> {
  return file === '-' ? readAll(input).then((text) => [{ name: undefined, text }]) : readRealmFolder(file)
}

/** Asks with the list of what would go; more than that will not. */
async function confirmDeletions(
  { operations, actor, terminal }: Session,
  files: readonly FileText[],
): Promise<{ readonly confirmed?: readonly string[] }> {
  const { deletionsOf } = await import('../operations/realm-files/realm-plan.ts')
  const plans = await operations.realmFiles.apply(actor, files, { dryRun: true, prune: true })
  const deletions = deletionsOf(plans)
  if (deletions.length === 0) return { confirmed: [] }
  const gone = plans.map((plan: RealmPlan) => ({
    ...plan,
    changes: plan.changes.filter(({ action }) => action === 'delete'),
    notes: [],
  }))
  await confirmed(terminal, undefined, `${planText(gone, true)}\nDelete ${deletions.length} of these?`)
  return { confirmed: deletions }
}
