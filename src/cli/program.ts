import { Command, CommanderError } from 'commander'
import { VERSION } from '../config/version.ts'
import { EXIT, EXIT_CODES_HELP, type Failure, failureOfRefusal } from './exit-codes.ts'
import { type Streams, terminalOf } from './terminal.ts'

const SERVER =
  'administer that server over its admin API, as MINTMARK_CLIENT_ID with MINTMARK_CLIENT_SECRET or MINTMARK_PRIVATE_KEY_FILE (env: MINTMARK_SERVER)'

/** Runs one command. Returns its exit code. */
export async function runCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  serve: () => Promise<never>,
  streams: Streams = process,
): Promise<number> {
  const inJson = argv.includes('--json')
  const program = new Command('mintmark')
    .description('The token server for machines: OAuth 2.0 client credentials by realm.')
    .version(VERSION)
    .option('--json', 'print the result as one JSON value, and nothing else')
    .option('--server <url>', SERVER)
    .addHelpText('after', `\nEnvironment variables configure every command.\n${EXIT_CODES_HELP}`)
    .showHelpAfterError(!inJson)
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      // Told after the help, where it is seen.
      outputError: () => {},
    })
    .exitOverride()
  const terminal = terminalOf(program, streams)
  program.command('serve').description('run the server').action(serve)
  // The server starts sooner without the other commands.
  if (argv[2] !== 'serve') (await import('./commands.ts')).addCommands(program, env, terminal)
  try {
    await program.parseAsync(argv)
    return terminal.exitCode
  } catch (error) {
    const failure = await failureOf(error)
    if (failure === undefined) return 0
    const { exitCode, ...json } = failure
    if (failure.detail !== '') terminal.note(inJson ? JSON.stringify(json) : `mintmark: ${failure.detail}`)
    return exitCode
  }
}

/** A client_id or a kid may begin with a hyphen. */
function adviceOn({ code, message }: CommanderError): string {
  const isShort = code === 'commander.unknownOption' && /option '-[^-']/.test(message)
  return isShort ? '; write -- before a value that begins with -' : ''
}

/** @returns `undefined` where the help was asked for */
async function failureOf(error: unknown): Promise<Failure | undefined> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return undefined
    // A group without its command: commander has printed the help, and its message says nothing more.
    const detail = error.code === 'commander.help' ? '' : error.message.replace(/^error: /, '').trim()
    return { exitCode: EXIT.usage, code: 'usage', detail: detail + adviceOn(error) }
  }
  if (error instanceof Error && error.name === 'TokenFault')
    return { exitCode: EXIT.failed, code: 'token', detail: error.message }
  const ofRefusal = failureOfRefusal(error)
  if (ofRefusal) return ofRefusal
  if (error instanceof Error && error.name === 'RemoteFault')
    return { exitCode: EXIT.unavailable, code: 'unavailable', detail: error.message }
  // Explaining other errors loads the server.
  return (await import('./failure.ts')).failureOf(error)
}
