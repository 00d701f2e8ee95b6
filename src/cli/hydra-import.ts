import type { Command } from 'commander'
import { HYDRA_COLUMNS, type HydraClient, readHydraClient } from '../domain/hydra-client.ts'
import { planHydraImport } from '../domain/hydra-import.ts'
import { matcherOf } from '../domain/import-plan.ts'
import { Refusal } from '../domain/refusal.ts'
import type { HydraNetwork, HydraReader } from '../storage/hydra-clients.ts'
import { importPlan, type PlanOptions } from './import-plan.ts'
import { ofRealm } from './realm-options.ts'
import type { InSession } from './session.ts'
import type { Terminal } from './terminal.ts'
import { progressBar } from './text.ts'

interface HydraOptions extends PlanOptions {
  readonly dsn: string
  readonly network?: string
  readonly only?: string
}

/** More than a realm that can be imported has. */
const MAX_CLIENTS = 200_000

const HELP = `
The DSN is that of Hydra: postgres:// or cockroach://. A password in it could be read in the list of processes: put
it into PGPASSWORD or ~/.pgpass, or give the DSN on standard input, from a file or typed at a terminal:

  mintmark import hydra --realm plant --dsn - --dry-run < hydra.dsn

Its database is read in one read-only transaction; select on hydra_client is enough.`

export function hydraImportCommand(group: Command, inSession: InSession): void {
  const command = ofRealm(
    group,
    'hydra',
    'service accounts of an Ory Hydra, with the hashes of their secrets and their keys',
  )
  const run = inSession(async (session, options: HydraOptions, _command: Command) => {
    const clients = await readClients(options, session.terminal)
    return importPlan(session, planHydraImport(clients, matcherOf(options.only)), options)
  })
  command
    .requiredOption(
      '--dsn <dsn>',
      'its database: postgres://user@host/hydra without a password, or - for standard input',
    )
    .option('--network <id>', 'its network (nid), where it has several')
    .option('--only <pattern>', 'clients whose client_id is like this; * stands for any text')
    .option('--dry-run', 'change nothing; show what would be done')
    .addHelpText('after', HELP)
    .action(async (options: HydraOptions, self: Command) => {
      const { hasPassword } = await import('./hydra/dsn.ts')
      if (hasPassword(options.dsn))
        command.error(
          'error: leave the password out of --dsn, where others can read it: PGPASSWORD, ~/.pgpass or --dsn -',
          {
            exitCode: 2,
          },
        )
      return run(options, self)
    })
}

async function readClients({ dsn, network }: HydraOptions, terminal: Terminal): Promise<HydraClient[]> {
  // Loaded late: other commands need no second database.
  const { parseHydraDsn } = await import('./hydra/dsn.ts')
  const { hydraFault } = await import('./hydra/hydra-fault.ts')
  const { readHydra } = await import('../storage/hydra-clients.ts')
  const asked = dsn === '-' ? (await terminal.readSecret('DSN of Hydra: ')).trim() : dsn
  const database = parseHydraDsn(asked)
  try {
    return await readHydra(database, (reader) => readNetwork(reader, network, terminal))
  } catch (error) {
    throw hydraFault(error)
  } finally {
    terminal.progress('')
  }
}

async function readNetwork(
  reader: HydraReader,
  asked: string | undefined,
  terminal: Terminal,
): Promise<HydraClient[]> {
  requireColumns(await reader.columns())
  const { nid, clients: count } = chosen(await reader.networks(), asked)
  if (count > MAX_CLIENTS)
    throw new Refusal('invalid', `Hydra has ${count} clients, and an import takes ${MAX_CLIENTS}.`)
  const clients: HydraClient[] = []
  for await (const rows of reader.clients(nid)) {
    clients.push(...rows.map(readHydraClient))
    terminal.progress(progressBar('reading', clients.length, count))
  }
  return clients
}

function requireColumns(present: readonly string[]): void {
  const missing = HYDRA_COLUMNS.filter((column) => !present.includes(column))
  if (missing.length === 0) return
  throw new Refusal(
    'invalid',
    `The table hydra_client has no ${missing.join(', ')}: it is not of Hydra 2. Bring a copy of the database to version 2 with hydra migrate sql, and import from that.`,
  )
}

function chosen(networks: readonly HydraNetwork[], asked: string | undefined): HydraNetwork {
  const named = asked === undefined ? networks : networks.filter(({ nid }) => nid === asked.toLowerCase())
  const [network, ...others] = named
  const list = networks.map(({ nid, clients }) => `${nid} (clients: ${clients})`).join(', ')
  if (network === undefined)
    throw new Refusal(
      'not_found',
      networks.length === 0 ? 'There are no clients in hydra_client.' : `Hydra has no such network: ${list}.`,
    )
  if (others.length > 0)
    throw new Refusal('invalid', `Hydra has clients of several networks: name one with --network: ${list}.`)
  return network
}
