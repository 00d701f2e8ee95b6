import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { loadConfig } from '../config.ts'
import type { Actor } from '../domain/actor.ts'
import { PLATFORM_AUTHORITY } from '../domain/authority.ts'
import { MAX_CLOCK_SKEW_SECONDS, systemClock } from '../domain/clock.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Operations } from '../operations/operations.ts'
import { besideTheDatabase, serverOf } from './beside-database.ts'
import { type Answer, logOf, type Terminal } from './terminal.ts'

export type { Answer }

/** What a command works with. */
export interface Session {
  readonly operations: Operations
  readonly actor: Actor
  /** PUBLIC_URL, as for the server: issuers begin with it. */
  readonly publicUrl: string
  readonly terminal: Terminal
}

/**
 * Makes a commander action of a function that needs the database, or a server.
 * @param reason why it cannot be done over the admin API
 */
export type InSession = <Args extends unknown[]>(
  work: (session: Session, ...args: Args) => Promise<Answer>,
  reason?: string,
) => (...args: Args) => Promise<void>

/** The command found no database. Only the server creates one. */
export class NoDatabaseError extends Error {
  override readonly name = 'NoDatabaseError'
}

/** How long a command waits for the database. */
const DATABASE_WAIT_SECONDS = 5

export function sessionOpener(env: NodeJS.ProcessEnv, terminal: Terminal, program: Command): InSession {
  return (work, reason) =>
    async (...args) => {
      const server = serverOf(program, env)
      if (server !== undefined) {
        if (reason !== undefined) throw besideTheDatabase(reason)
        const asked = (session: Omit<Session, 'terminal'>) => work({ ...session, terminal }, ...args)
        return inRemoteSession(server, realmOf(args), env, async (session) =>
          terminal.print(await asked(session)),
        )
      }
      const config = loadConfig(env)
      if (config.databaseUrl === undefined) await requireEmbeddedDatabase(config.dataDir)
      // Loaded late: help and usage errors do not need it.
      const { openOperations } = await import('../operations/open.ts')
      const opened = await openOperations({
        ...config,
        // A command reads the primary.
        readReplica: undefined,
        clock: systemClock,
        poolSize: 2,
        databaseWaitSeconds: DATABASE_WAIT_SECONDS,
        log: logOf(program, terminal),
      })
      try {
        const { operations } = opened
        await requireRightClock(operations)
        const actor: Actor = {
          kind: 'cli',
          id: systemUser(),
          address: undefined,
          authority: PLATFORM_AUTHORITY,
        }
        const session = { operations, actor, publicUrl: config.publicUrl, terminal }
        terminal.print(await work(session, ...args))
      } finally {
        await opened.close()
      }
    }
}

/** Realm that the options of a command name. */
function realmOf(args: readonly unknown[]): string | undefined {
  const options = args.find((one) => typeof (one as { realm?: unknown } | undefined)?.realm === 'string')
  return (options as { realm?: string } | undefined)?.realm
}

/** Works over the admin API, and loads nothing of the server. */
async function inRemoteSession(
  server: string,
  realm: string | undefined,
  env: NodeJS.ProcessEnv,
  work: (session: Omit<Session, 'terminal'>) => Promise<void>,
): Promise<void> {
  const { openAdminApi } = await import('./remote/admin-api.ts')
  const { remoteOperations } = await import('./remote/operations.ts')
  const api = await openAdminApi(server, env, realm)
  try {
    // The server knows who asks by the token.
    const actor: Actor = { kind: 'cli', id: server, address: undefined, authority: PLATFORM_AUTHORITY }
    await work({ operations: remoteOperations(api), actor, publicUrl: api.publicUrl })
  } finally {
    api.close()
  }
}

/** In a wrong folder, a command would create a database that no server uses. */
export async function requireEmbeddedDatabase(dataDir: string): Promise<void> {
  const { hasCluster } = await import('../embedded/embedded-cluster.ts')
  if (!hasCluster(dataDir))
    throw new NoDatabaseError(
      `there is no database in ${dataDir}: set DATABASE_URL (and MASTER_KEY), or DATA_DIR to the folder of the server, or start one there first: mintmark serve`,
    )
}

async function requireRightClock({ health }: Operations): Promise<void> {
  const skew = Math.round(await health.measureClockSkew())
  if (Math.abs(skew) <= MAX_CLOCK_SKEW_SECONDS) return
  const off = `${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} the database's`
  throw new Refusal(
    'conflict',
    `The clock of this machine is ${off}: set it right, keys and tokens end by it.`,
  )
}

/** A container may run under a uid without a name. */
function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.()}`
  }
}
