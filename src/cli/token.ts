import type { Command } from 'commander'
import { collect } from './arguments.ts'
import type { Terminal } from './terminal.ts'

interface TokenOptions {
  readonly issuer: string
  readonly clientId?: string
  readonly from?: string
  readonly audience?: string
  readonly platformToken?: true
  readonly privateKey?: string
  readonly keyId?: string
  readonly clientSecretStdin?: true
  readonly scope?: string
  readonly resource?: readonly string[]
  readonly allowInsecureHttp?: true
  readonly watch?: string
}

const PLATFORMS =
  'authenticate with the token of the platform: kubernetes[:PATH], github, gitlab[:VARIABLE], aws, gcp, azure, spiffe[:SPIFFE-ID], file:PATH'

/** Asks a running server for a token, as any client does: it needs neither the database nor its configuration. */
export function tokenCommand(program: Command, env: NodeJS.ProcessEnv, terminal: Terminal): void {
  program
    .command('token')
    .description('ask an issuer for an access token, and print it')
    .requiredOption('--issuer <url>', 'issuer of the realm: https://auth.example/realms/acme')
    .option('--client-id <id>', 'client_id of the service account; optional with --from')
    .option('--from <platform>', PLATFORMS)
    .option('--audience <uri>', 'audience of the platform’s token (default: the issuer)')
    .option('--platform-token', 'print the platform’s token and exchange nothing: for federation explain')
    .option('--private-key <file>', 'PEM (PKCS #8, SEC 1, PKCS #1) or JWK; signs an assertion')
    .option('--key-id <kid>', 'kid of the key, for the header of the assertion (default: the kid of the JWK)')
    .option('--client-secret-stdin', 'read the secret from standard input')
    .option('--scope <scopes>', 'separated by spaces (default: all that the account has)')
    .option('--resource <uri>', 'audience of the token (repeatable)', collect)
    .option('--allow-insecure-http', 'send a secret to another machine without TLS')
    .option('--watch <file>', 'keep a fresh token in this file until SIGTERM, instead of printing one')
    .action(async (options: TokenOptions, command: Command) => {
      const fault = usageFault(options)
      if (fault !== undefined) command.error(`error: ${fault}`, { exitCode: 2 })
      const { tokenRequester } = await import('./token-request.ts')
      if (options.platformToken) {
        const { platformTokenOf } = await import('./platform-proof.ts')
        const text = await platformTokenOf(options, env)
        terminal.print({ json: { platform_token: text }, text })
      } else if (options.watch === undefined) {
        const ask = await tokenRequester(options, { env, terminal })
        const json = await ask()
        terminal.print({ json, text: json.access_token })
      } else {
        const { watchToken } = await import('./token-watch.ts')
        await watchToken(options.watch, terminal, (stop) => tokenRequester(options, { env, terminal, stop }))
      }
    })
}

function usageFault(options: TokenOptions): string | undefined {
  const { from, privateKey, clientSecretStdin, clientId, audience, platformToken, watch } = options
  const ways = [from, privateKey, clientSecretStdin].filter((way) => way !== undefined)
  if (ways.length !== 1) return 'give one of --private-key and --client-secret-stdin, or --from'
  if (from === undefined && clientId === undefined) return "required option '--client-id <id>' not specified"
  if (from === undefined && (audience !== undefined || platformToken))
    return '--audience and --platform-token go with --from alone'
  return platformToken && watch !== undefined ? 'give one of --platform-token and --watch' : undefined
}
