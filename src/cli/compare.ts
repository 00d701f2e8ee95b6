import type { Command } from 'commander'
import { Option } from 'commander'
import type { Json } from '../domain/lenient-json.ts'
import { Refusal } from '../domain/refusal.ts'
import { isComparedPath } from '../domain/token-comparison.ts'
import { collect } from './arguments.ts'
import type { Credentials } from './compare/cases.ts'
import type { Found } from './compare/comparison.ts'
import type { Answer, Terminal } from './terminal.ts'
import { progressBar, table } from './text.ts'

interface CompareOptions {
  readonly realm: string
  readonly old?: string
  readonly oldTokenUrl?: string
  readonly oldRealm?: string
  readonly server?: string
  readonly accounts?: string
  readonly ignore?: readonly string[]
  readonly caFile?: string
  readonly allowInsecureHttp?: true
}

/** Asks two running servers, as any client does: it needs neither the database nor its keys. */
export function compareCommand(program: Command, env: NodeJS.ProcessEnv, terminal: Terminal): void {
  program
    .command('compare')
    .description('request the same tokens from this server and another one, and report differences')
    .addOption(
      new Option('--realm <name>', 'realm of this server').env('MINTMARK_REALM').makeOptionMandatory(),
    )
    .option('--old <url>', 'the other server, if it has our paths: https://keycloak.example')
    .option('--old-realm <name>', 'its realm there (default: --realm)')
    .option(
      '--old-token-url <url>',
      'instead of --old: its token endpoint: https://hydra.example/oauth2/token',
    )
    .option('--server <url>', 'this server (default: PUBLIC_URL)')
    .option(
      '--accounts <file>',
      'NDJSON with client_id and client_secret; optional: scope, audience, token_endpoint_auth_method (default: standard input)',
    )
    .option(
      '--ignore <path>',
      'path that may differ, with all below it: claims.iss, wrong-secret:response.error (repeatable)',
      collect,
    )
    .option('--ca-file <file>', 'file of certificate authorities, in addition to those of the system')
    .option('--allow-insecure-http', 'send secrets to another machine without TLS')
    .action(async (own: CompareOptions, command: Command) => {
      const options = { ...own, ...command.optsWithGlobals<CompareOptions>() }
      if ((options.old === undefined) === (options.oldTokenUrl === undefined))
        command.error('error: give one of --old and --old-token-url', { exitCode: 2 })
      const bad = (options.ignore ?? []).find((one) => !isComparedPath(one.replace(/^[\w-]+:/, '')))
      if (bad !== undefined)
        command.error(
          `error: --ignore ${bad}: a path begins with status, response, header or claims, as claims.iss`,
          { exitCode: 2 },
        )
      const found = await compare(options, env, terminal)
      terminal.print(found.answer)
      if (found.differences > 0)
        throw new Refusal('invalid', `The servers differ in ${found.differences} ways.`)
    })
}

async function compare(options: CompareOptions, env: NodeJS.ProcessEnv, terminal: Terminal) {
  const { remoteServer, patient, serverAddress } = await import('./remote-server.ts')
  const { tokenCases } = await import('./compare/cases.ts')
  const { CONCURRENCY, compareTokens } = await import('./compare/comparison.ts')
  const { realm, oldRealm = realm, server, caFile, allowInsecureHttp } = options
  const ours = server ?? (await import('../config.ts')).loadConfig(env).publicUrl
  const tokenUrl =
    options.oldTokenUrl && serverAddress(options.oldTokenUrl, '--old-token-url', allowInsecureHttp)
  const url = tokenUrl ?? serverAddress(options.old ?? '', '--old', allowInsecureHttp)
  const old = { url, realm: oldRealm, tokenUrl }
  const now = { url: serverAddress(ours, '--server', allowInsecureHttp), realm }
  const accounts = await readAccounts(options.accounts, terminal)
  const cases = [...tokenCases(accounts)].filter((one) => !tokenUrl || one.realm === undefined)
  const remote = remoteServer({ caFile, concurrency: CONCURRENCY })
  const onProgress = (done: number) => terminal.progress(progressBar('comparing', done, cases.length))
  const ignored = options.ignore ?? []
  try {
    const found = await compareTokens(patient(remote), cases, { old, new: now, ignored, onProgress })
    return { differences: found.length, answer: answerOf(found, accounts.length, cases.length) }
  } finally {
    terminal.progress('')
    remote.close()
  }
}

async function readAccounts(file: string | undefined, terminal: Terminal): Promise<Credentials[]> {
  const { readLines } = await import('./lines.ts')
  const lines = (await readLines(file, terminal)).split('\n')
  return lines.flatMap((line, at) => (line.trim() === '' ? [] : [readAccount(line, at + 1)]))
}

function readAccount(line: string, at: number): Credentials {
  try {
    const read = JSON.parse(line) as Json
    const { client_id: clientId, client_secret: clientSecret, token_endpoint_auth_method: authMethod } = read
    const asked = { ...textIn(read, 'scope'), ...textIn(read, 'audience') }
    if (typeof clientId === 'string' && typeof clientSecret === 'string' && isAuthMethod(authMethod))
      return { clientId, clientSecret, authMethod, asked }
  } catch {
    // The parser's message quotes the line, which holds a secret.
  }
  throw new Refusal('invalid', `Line ${at} is not like {"client_id": "…", "client_secret": "…"}.`)
}

function textIn(read: Json, name: 'scope' | 'audience'): Record<string, string> {
  return typeof read[name] === 'string' ? { [name]: read[name] } : {}
}

function isAuthMethod(value: unknown): value is Credentials['authMethod'] {
  return value === undefined || value === 'client_secret_basic' || value === 'client_secret_post'
}

function answerOf(found: readonly Found[], accounts: number, requests: number): Answer {
  const rows = found.map(({ case: name, path, count, clientIds, old, new: now }) => [
    name,
    path,
    String(count),
    clientIds[0] as string,
    cell(old),
    cell(now),
  ])
  const summary = `accounts: ${accounts}, requests to each server: ${requests}, differences: ${found.length}`
  const heads = ['REQUEST', 'PATH', 'COUNT', 'FOR EXAMPLE', 'OLD', 'NEW']
  return {
    json: {
      accounts,
      requests,
      differences: found.map(({ clientIds, old, new: now, ...one }) => ({
        ...one,
        client_ids: clientIds,
        // Absent from the JSON where the server said nothing.
        old,
        new: now,
      })),
    },
    text: rows.length === 0 ? summary : `${table(heads, rows)}\n${summary}`,
  }
}

const MAX_CELL = 60

function cell(value: unknown): string {
  if (value === undefined) return '-'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL)}…` : text
}
