import type { Config } from '../config.ts'
import type { Cluster } from '../embedded/cluster.ts'
import { settlePort } from './port.ts'

export { createLogger, logWarnings } from './logger.ts'
export { listenForStop, runUntilStopped } from './stop.ts'

/** What a server starts from. */
export interface Prepared {
  /** With the port that it will have. */
  readonly config: Config
  /** The embedded database, which may still be created; `undefined`: DATABASE_URL names another one. */
  readonly cluster: Promise<Cluster> | undefined
}

/**
 * Does what needs little of the program: settles the port, and has initdb begin, which then works while the rest is loaded.
 * @throws ConfigError
 * @throws EmbeddedPostgresError
 */
export async function prepare(asked: Config): Promise<Prepared> {
  const config = await settlePort(asked)
  if (config.databaseUrl !== undefined) return { config, cluster: undefined }
  const { openCluster } = await import('../embedded/embedded-cluster.ts')
  return new Promise((resolve, reject) => {
    const cluster = openCluster(config.dataDir, () => resolve({ config, cluster }))
    cluster.then(() => resolve({ config, cluster }), reject)
  })
}
