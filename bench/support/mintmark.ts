import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Actor } from '../../src/domain/actor.ts'
import { PLATFORM_AUTHORITY } from '../../src/domain/authority.ts'
import { systemClock } from '../../src/domain/clock.ts'
import type { RealmSettings } from '../../src/domain/realm.ts'
import { type OpenedOperations, openOperations } from '../../src/operations/open.ts'
import { type RequestLine, tokenRequest } from './load.ts'
import { type Launch, type Server, startServer } from './processes.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Flags of node, as in `npm start` and the image. */
const FLAGS = ['--max-semi-space-size=8', '--v8-pool-size=1', '--heap-growing-percent=30']

/** The program as the image has it; main.ts bundles it anew. */
export const MINTMARK_ARGS = [...FLAGS, join(ROOT, 'dist/bundle/main.js'), 'serve']

/** The program with a file for each module, which tells what is whose. */
export const MINTMARK_SOURCE_ARGS = [...FLAGS, join(ROOT, 'src/mintmark.js'), 'serve']

export const MASTER_KEY = randomBytes(32).toString('base64url')
export const PUBLIC_URL = 'http://127.0.0.1'
export const ACTOR: Actor = { kind: 'cli', id: 'bench', address: undefined, authority: PLATFORM_AUTHORITY }

/** Starts the server with its defaults for production. */
export function startMintmark(
  databaseUrl: string,
  env: Readonly<Record<string, string>> = {},
  launch: Partial<Launch> = {},
): Promise<Server> {
  return startServer({
    name: 'mintmark',
    args: MINTMARK_ARGS,
    ...launch,
    env: { PORT: '0', PUBLIC_URL, DATABASE_URL: databaseUrl, MASTER_KEY, ...env },
  })
}

/** Opens the server's operations on a database, as commands do. */
export function openAdministration(databaseUrl: string): Promise<OpenedOperations> {
  return openOperations({
    databaseUrl,
    dataDir: '/nonexistent',
    publicUrl: PUBLIC_URL,
    masterKeys: [MASTER_KEY],
    clock: systemClock,
    poolSize: 4,
    databaseWaitSeconds: 5,
    log: () => {},
  })
}

export interface Client {
  readonly realm: string
  readonly clientId: string
  readonly clientSecret: string
}

export function requestOf({ realm, clientId, clientSecret }: Client): RequestLine {
  return tokenRequest(realm, clientId, clientSecret)
}

/** Creates a realm with one account and a generated secret. */
export async function createClient(
  { operations }: OpenedOperations,
  realm: string,
  settings: Partial<RealmSettings> = {},
  account?: { readonly roles: readonly string[] },
): Promise<Client> {
  await operations.realms.create(ACTOR, realm, settings)
  const made = await operations.accounts.create(ACTOR, realm, { name: 'bench', ...account })
  return { realm, clientId: made.account.clientId, clientSecret: made.clientSecret }
}
