import type { Command } from 'commander'
import { collect } from './arguments.ts'
import type { Terminal } from './terminal.ts'

interface TokenOptions {
  readonly issuer: string
  readonly clientId: string
  readonly privateKey?: string
  readonly keyId?: string
  readonly clientSecretStdin?: true
  readonly scope?: string
  readonly resource?: readonly string[]
  readonly allowInsecureHttp?: true
}

/** Asks a running server for a token, as any client does: it needs neither the database nor its configuration. */
export function tokenCommand(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('ask an issuer for an access token, and print it')
    .requiredOption('--issuer <url>', 'as the realm says it: https://auth.example/realms/acme')
    .requiredOption('--client-id <id>', 'of the service account')
    .option('--private-key <file>', 'PEM (PKCS #8, SEC 1, PKCS #1) or JWK; signs an assertion')
    .option('--key-id <kid>', 'names the key to the server; default: the kid of the JWK')
    .option('--client-secret-stdin', 'read the secret from standard input')
    .option('--scope <scopes>', 'separated by spaces (default: all that the account has)')
    .option('--resource <uri>', 'what the token is for (repeatable)', collect)
    .option('--allow-insecure-http', 'send a secret to another machine in the clear')
    .action(async (options: TokenOptions, command: Command) => {
      if ((options.privateKey === undefined) === (options.clientSecretStdin === undefined))
        command.error('error: give one of --private-key and --client-secret-stdin', { exitCode: 2 })
      const { requestToken } = await import('./token-request.ts')
      const json = await requestToken(options, terminal)
      terminal.print({ json, text: json.access_token })
    })
}
