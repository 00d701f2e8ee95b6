import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { systemClock } from '../domain/clock.ts'
import { matcherOf } from '../domain/import-plan.ts'
import { planKeycloakImport } from '../domain/keycloak-import.ts'
import { readKeycloakRealm } from '../domain/keycloak-realm.ts'
import { Refusal } from '../domain/refusal.ts'
import { importPlan, type PlanOptions } from './import-plan.ts'
import { ofRealm } from './realm-options.ts'
import type { InSession } from './session.ts'
import type { Terminal } from './terminal.ts'
import { progressBar } from './text.ts'

/** More than a file of 100,000 clients has; what JavaScript can hold as one text is 512 MiB. */
const MAX_FILE_BYTES = 256 * 1024 * 1024

interface KeycloakOptions extends PlanOptions {
  readonly file?: string
  readonly url?: string
  readonly sourceRealm?: string
  readonly clientRealm?: string
  readonly clientId?: string
  readonly caFile?: string
  readonly allowInsecureHttp?: true
  readonly only?: string
}

type Matcher = (clientId: string) => boolean

export function keycloakImportCommand(group: Command, inSession: InSession): void {
  const command = ofRealm(
    group,
    'keycloak',
    'service accounts of a realm of Keycloak, with their secrets and roles',
  )
  const run = inSession(async (session, options: KeycloakOptions, _command: Command) => {
    // Found first: what is planned depends on the shape of the realm's tokens.
    const { tokenProfile } = await session.operations.realms.find(session.actor, options.realm)
    const isWanted = matcherOf(options.only)
    const exported =
      options.file === undefined
        ? await readLive(options, isWanted, session.terminal)
        : await readExport(options.file)
    const source = readKeycloakRealm(exported, options.sourceRealm)
    const plan = planKeycloakImport(source, {
      isWanted,
      withOwn: tokenProfile === 'keycloak',
      now: systemClock(),
    })
    return importPlan(session, plan, options)
  })
  command
    .option('--file <file>', 'file that kc.sh export --realm <name> --file <file> wrote')
    .option('--url <url>', 'a running Keycloak instead of a file: https://keycloak.example')
    .option('--source-realm <name>', 'its realm in Keycloak; with --file, where the file has several')
    .option(
      '--client-id <id>',
      'with --url: a client that may read the realm; its secret is read from standard input',
    )
    .option('--client-realm <name>', 'with --url: realm of that client (default: --source-realm)')
    .option(
      '--ca-file <file>',
      'with --url: file of certificate authorities, in addition to those of the system',
    )
    .option('--allow-insecure-http', 'with --url: send secrets to another machine without TLS')
    .option('--only <pattern>', 'clients whose client_id is like this; * stands for any text')
    .option('--dry-run', 'change nothing; show what would be done')
    .action((options: KeycloakOptions, self: Command) => {
      const fault = usageFault(options)
      if (fault !== undefined) command.error(`error: ${fault}`, { exitCode: 2 })
      return run(options, self)
    })
}

function usageFault({ file, url, sourceRealm, clientId, ...others }: KeycloakOptions): string | undefined {
  if ((file === undefined) === (url === undefined)) return 'give one of --file and --url'
  if (url !== undefined && (sourceRealm === undefined || clientId === undefined))
    return '--url needs --source-realm and --client-id'
  const { clientRealm, caFile, allowInsecureHttp } = others
  const ofUrl = [clientId, clientRealm, caFile, allowInsecureHttp]
  return file !== undefined && ofUrl.some((one) => one !== undefined)
    ? '--client-id, --client-realm, --ca-file and --allow-insecure-http go with --url'
    : undefined
}

async function readLive(options: KeycloakOptions, isWanted: Matcher, terminal: Terminal): Promise<unknown> {
  const { sourceRealm: realm = '', clientRealm = realm, clientId = '', caFile } = options
  // Loaded late: an import of a file needs no network.
  const { remoteServer, serverAddress } = await import('./remote-server.ts')
  const { keycloakAdmin } = await import('./keycloak/admin-api.ts')
  const { CONCURRENCY, readLiveRealm } = await import('./keycloak/live-realm.ts')
  const url = serverAddress(options.url ?? '', '--url', options.allowInsecureHttp)
  const server = remoteServer({ caFile, concurrency: CONCURRENCY })
  const clientSecret = await terminal.readSecret(`Secret of ${clientId}: `)
  if (clientSecret === '')
    throw new Refusal('invalid', `There is no secret of ${clientId} on standard input.`)
  try {
    const admin = keycloakAdmin({ url, realm, clientRealm, clientId, clientSecret }, server)
    const onProgress = (done: number, all: number) => terminal.progress(progressBar('reading', done, all))
    return await readLiveRealm(admin, { realm, isWanted, onProgress })
  } finally {
    terminal.progress('')
    server.close()
  }
}

async function readExport(file: string): Promise<unknown> {
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES)
      throw new Refusal(
        'invalid',
        `${file} is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB: export one realm at a time.`,
      )
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (error instanceof Refusal) throw error
    if (error instanceof SyntaxError) throw new Refusal('invalid', `${file} is not JSON, or was cut off.`)
    throw new Refusal('invalid', `${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}
