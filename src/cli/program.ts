import { Command, CommanderError } from 'commander'
import { VERSION } from '../config/version.ts'
import { accountRoleCommands } from './account-roles.ts'
import { auditEventCommands } from './audit-events.ts'
import { grantCommands } from './grants.ts'
import { masterKeyCommands } from './master-key.ts'
import { migrateCommand } from './migrate.ts'
import { policyCommands } from './policy.ts'
import { portalCommands } from './portal.ts'
import { protectedResourceCommands } from './protected-resources.ts'
import { realmCommands } from './realms.ts'
import { serviceAccountCommands } from './service-accounts.ts'
import { sessionOpener } from './session.ts'
import { signingKeyCommands } from './signing-keys.ts'
import { type Streams, type Terminal, terminalOf } from './terminal.ts'
import { tokenCommand } from './token.ts'

/** Exit codes other than 0. */
const FAILED = 1
const WRONG_USAGE = 2

/** Runs one command. Returns the exit code: 1 for a failure or refusal, 2 for wrong usage. */
export async function runCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  serve: () => Promise<never>,
  streams: Streams = process,
): Promise<number> {
  const program = new Command('mintmark')
    .description('The token server for machines: OAuth 2.0 client credentials by realm.')
    .version(VERSION)
    .option('--json', 'print the result as one JSON value, and nothing else')
    .addHelpText('after', '\nEnvironment variables configure every command.')
    .showHelpAfterError()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
    })
    .exitOverride()
  const terminal = terminalOf(program, streams)
  program.command('serve').description('run the server').action(serve)
  addCommands(program, env, terminal)
  try {
    await program.parseAsync(argv)
    return 0
  } catch (error) {
    // Commander has printed the fault or the help already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE
    // What explains other errors loads the server.
    const isTold = error instanceof Error && error.name === 'TokenFault'
    const text = isTold ? error.message : (await import('./failure.ts')).explain(error)
    terminal.note(`mintmark: ${text}`)
    return FAILED
  }
}

function addCommands(program: Command, env: NodeJS.ProcessEnv, terminal: Terminal): void {
  const inSession = sessionOpener(env, terminal)
  migrateCommand(program, env, terminal)
  realmCommands(program, inSession)
  serviceAccountCommands(program, inSession)
  accountRoleCommands(program, inSession)
  protectedResourceCommands(program, inSession)
  grantCommands(program, inSession)
  signingKeyCommands(program, inSession)
  portalCommands(program, inSession)
  auditEventCommands(program, inSession)
  masterKeyCommands(program, inSession, terminal)
  policyCommands(program, inSession)
  tokenCommand(program, terminal)
}
