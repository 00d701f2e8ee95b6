import { resolve } from 'node:path'
import { readDatabaseUrls } from './config/database-url.ts'
import { readDocsUrl } from './config/docs-url.ts'
import { type KeyFetching, readKeyFetching, readWebhookSending } from './config/key-fetching.ts'
import { environmentReader, type Fault, type Read, SECRET_VARIABLES } from './config/reader.ts'
import { readSingleSignOn } from './config/single-sign-on.ts'
import { readTracing } from './config/tracing.ts'
import { readTrustProxy, type TrustProxy } from './config/trust-proxy.ts'
import type { SingleSignOnSettings } from './domain/single-sign-on.ts'

export interface Config {
  readonly host: string
  readonly port: number
  /** No trailing slash. */
  readonly publicUrl: string
  /** Documentation that the portal's help links lead to. No trailing slash; `undefined`: no help links. */
  readonly docsUrl: string | undefined
  /** `undefined`: the server keeps a PostgreSQL of its own in `dataDir`. */
  readonly databaseUrl: string | undefined
  /** A standby for the reads of token requests; `undefined`: they go to the primary. */
  readonly readReplica: { readonly url: string; readonly maxLagSeconds: number } | undefined
  readonly dataDir: string
  /** base64url; the first seals, all open. `undefined`: kept in `dataDir`. */
  readonly masterKeys: readonly string[] | undefined
  readonly workers: number
  /** After SIGTERM requests are still taken for this long. */
  readonly shutdownDelaySeconds: number
  readonly logLevel: string
  /** Whose X-Forwarded-For is believed. */
  readonly trustProxy: TrustProxy
  /** How keys of issuers are fetched. */
  readonly keyFetching: KeyFetching
  /** How web hooks are sent. */
  readonly webhookSending: KeyFetching
  /** Where failed attempts are counted: in each process, or in PostgreSQL for all nodes. */
  readonly failedAttemptsStore: 'memory' | 'postgres'
  /** Token that opens GET /metrics. */
  readonly metricsToken: string | undefined
  /** Whether requests are traced: by any variable OTEL_…, unless one of them says no. */
  readonly tracing: boolean
  /** `undefined`: the portal is reached by one-time links alone. */
  readonly singleSignOn: SingleSignOnSettings | undefined
  /** File or folder of realms that are applied before the server listens. */
  readonly realmFile: string | undefined
  readonly bootstrapAdmin: { readonly clientId: string; readonly clientSecret: string } | undefined
}

/** Every fault of the environment, by variable name. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

// 32 bytes in base64url are 43 characters, the last of which carries four bits.
const MASTER_KEY = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

const HOW_TO_MAKE_A_MASTER_KEY = `make one with: node -p "require('crypto').randomBytes(32).toString('base64url')"`

/**
 * The only reader of the environment. Reports every problem at once, by variable name.
 * @param needsMasterKey whether what is done opens keys
 */
export function loadConfig(env: NodeJS.ProcessEnv, { needsMasterKey = true } = {}): Config {
  const faults: string[] = []
  const fault = (message: string) => void faults.push(message)
  const read = environmentReader(env, fault)

  const port = readWhole(read, fault, 'PORT', [8080, 0, 65_535])
  const { databaseUrl, readReplica } = readDatabaseUrls(read, fault)
  const masterKeys = readMasterKeys(read, fault)
  if (needsMasterKey && databaseUrl !== undefined && !read('MASTER_KEY') && !read('MASTER_KEY_FILE'))
    fault(`MASTER_KEY or MASTER_KEY_FILE is needed with DATABASE_URL; ${HOW_TO_MAKE_A_MASTER_KEY}`)
  const keyFetching = readKeyFetching(read, fault)
  const workers = readWhole(read, fault, 'WORKERS', [1, 1, 256])
  const config: Config = {
    // Brackets are how an IPv6 address is written in a URL.
    host: read('HOST')?.replace(/^\[(.+)\]$/, '$1') ?? '127.0.0.1',
    port,
    publicUrl: readPublicUrl(read, fault, port),
    docsUrl: readDocsUrl(read, fault),
    databaseUrl,
    readReplica,
    dataDir: resolve(read('DATA_DIR') ?? '.mintmark'),
    masterKeys,
    workers,
    shutdownDelaySeconds: readWhole(read, fault, 'SHUTDOWN_DELAY', [0, 0, 300]),
    logLevel: readLogLevel(read, fault),
    trustProxy: readTrustProxy(read, fault),
    keyFetching,
    webhookSending: readWebhookSending(read, fault, keyFetching),
    failedAttemptsStore: readFailedAttemptsStore(read, fault, workers),
    metricsToken: readMetricsToken(read, fault),
    tracing: readTracing(env),
    singleSignOn: readSingleSignOn(read, fault),
    realmFile: read('REALM_FILE'),
    bootstrapAdmin: readBootstrapAdmin(read, fault),
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config)
}

/** Takes secrets out of an environment that has been read: child processes would inherit them. */
export function forgetSecrets(env: NodeJS.ProcessEnv): void {
  for (const name of SECRET_VARIABLES) delete env[name]
}

function readWhole(
  read: Read,
  fault: Fault,
  name: string,
  [fallback, min, max]: readonly [number, number, number],
): number {
  const text = read(name)
  if (text === undefined) return fallback
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  fault(`${name} must be a whole number from ${min} to ${max}`)
  return fallback
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}

function readPublicUrl(read: Read, fault: Fault, port: number): string {
  const text = read('PUBLIC_URL') ?? `http://localhost:${port}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.search ||
    url.hash ||
    url.username ||
    !/^[!-~]+$/.test(text) ||
    /[?#]/.test(text)
  )
    fault('PUBLIC_URL must be an http or https URL without query, fragment or credentials')
  // It is part of what tokens say, and is compared as text.
  else if (withoutSlash(url.href) !== withoutSlash(text))
    fault(`PUBLIC_URL must be written as ${withoutSlash(url.href)}`)
  return withoutSlash(text)
}

function readMasterKeys(read: Read, fault: Fault): readonly string[] | undefined {
  const text = read('MASTER_KEY')
  if (text === undefined) return undefined
  const keys = text.split(/[\s,]+/).filter(Boolean)
  const name = read('MASTER_KEY_FILE') === undefined ? 'MASTER_KEY' : 'MASTER_KEY_FILE'
  if (keys.length === 0 || !keys.every((key) => MASTER_KEY.test(key)))
    fault(`${name} must hold keys of 32 bytes in base64url; ${HOW_TO_MAKE_A_MASTER_KEY}`)
  return keys
}

function readLogLevel(read: Read, fault: Fault): string {
  const level = read('LOG_LEVEL') ?? 'info'
  if (!LOG_LEVELS.includes(level)) fault(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`)
  return level
}

/** Several workers count together, or each would allow as many guesses as one process. */
function readFailedAttemptsStore(read: Read, fault: Fault, workers: number): 'memory' | 'postgres' {
  const store = read('FAILED_ATTEMPTS_STORE') ?? (workers > 1 ? 'postgres' : 'memory')
  if (store === 'memory' || store === 'postgres') return store
  fault('FAILED_ATTEMPTS_STORE must be memory or postgres')
  return 'memory'
}

function readMetricsToken(read: Read, fault: Fault): string | undefined {
  const token = read('METRICS_TOKEN')
  if (token !== undefined && !/^[\w.~+/-]{16,200}=*$/.test(token))
    fault('METRICS_TOKEN must have 16 to 200 letters, digits and . _ ~ + / -')
  return token
}

function readBootstrapAdmin(read: Read, fault: Fault): Config['bootstrapAdmin'] {
  const clientId = read('BOOTSTRAP_ADMIN_CLIENT_ID')
  const clientSecret = read('BOOTSTRAP_ADMIN_CLIENT_SECRET')
  if (clientId !== undefined && clientSecret !== undefined) {
    if (!/^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$/.test(clientId))
      fault('BOOTSTRAP_ADMIN_CLIENT_ID must have 1 to 64 letters, digits and . _ ~ -')
    if (!/^[^\p{C}]{8,256}$/u.test(clientSecret))
      fault('BOOTSTRAP_ADMIN_CLIENT_SECRET must have 8 to 256 printable characters')
    return { clientId, clientSecret }
  }
  if (clientId !== undefined) fault('BOOTSTRAP_ADMIN_CLIENT_SECRET is needed with BOOTSTRAP_ADMIN_CLIENT_ID')
  if (clientSecret !== undefined)
    fault('BOOTSTRAP_ADMIN_CLIENT_ID is needed with BOOTSTRAP_ADMIN_CLIENT_SECRET')
  return undefined
}
