import type { Command } from 'commander'
import type { AccountOutcome } from '../domain/account-line.ts'
import { Refusal } from '../domain/refusal.ts'
import { importLines, type LineOutcome } from '../operations/import-lines.ts'
import { accountOutcomeToWire } from '../wire/account-outcome.ts'
import { hydraImportCommand } from './hydra-import.ts'
import { keycloakImportCommand } from './keycloak-import.ts'
import { readLines } from './lines.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { Answer, InSession, Session } from './session.ts'

/** Told by line on a terminal; `--json` has all. */
const TOLD_LINES = 20

export function importCommands(program: Command, inSession: InSession): void {
  const group = program.command('import').description('service accounts of other servers, with their secrets')

  keycloakImportCommand(group, inSession)
  hydraImportCommand(group, inSession)

  ofRealm(
    group,
    'accounts',
    'make or change service accounts, one on each line (NDJSON): client_id, name, client_secret or secret_hash',
  )
    .argument('[file]', 'default: standard input')
    .action(
      inSession(async (session, file: string | undefined, { realm }: InRealm) =>
        importAccounts(session, realm, await readLines(file, session.terminal)),
      ),
    )
}

async function importAccounts(
  { operations, actor, terminal }: Session,
  realm: string,
  text: string,
): Promise<Answer> {
  const lines: LineOutcome<AccountOutcome>[] = []
  const chunks = importLines(text, (entries) => operations.accounts.import(actor, realm, entries))
  for await (const chunk of chunks) lines.push(...chunk)
  const refused = lines.filter(({ outcome }) => outcome.status === 'refused')
  const answer = answerOf(lines, refused)
  if (refused.length === 0) return answer
  terminal.print(answer)
  throw new Refusal(
    'invalid',
    [`lines that were refused: ${refused.length}`, ...refused.slice(0, TOLD_LINES).map(toldLine)].join('\n'),
  )
}

function answerOf(
  lines: readonly LineOutcome<AccountOutcome>[],
  refused: readonly LineOutcome<AccountOutcome>[],
): Answer {
  const counts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  for (const { outcome } of lines) counts[outcome.status]++
  const foreign = lines.filter(({ outcome }) => 'hash' in outcome).length
  const kept = lines.filter(({ outcome }) => 'detail' in outcome)
  const toWire = ({ line, outcome }: LineOutcome<AccountOutcome>) => accountOutcomeToWire(line, outcome)
  const text = Object.entries({ ...counts, 'by foreign hash': foreign }).map(([name, n]) => `${name}: ${n}`)
  return {
    json: {
      ...counts,
      by_foreign_hash: foreign,
      kept_secrets: kept.map(toWire),
      refused_lines: refused.map(toWire),
    },
    text: [...text, ...kept.slice(0, TOLD_LINES).map(toldLine)].join('\n'),
  }
}

function toldLine({ line, outcome }: LineOutcome<AccountOutcome>): string {
  const { clientId = '' } = outcome
  const told = outcome.status === 'refused' ? outcome.refusal.message : outcome.detail
  return `  line ${line}${clientId && ` (${clientId})`}: ${told}`
}
