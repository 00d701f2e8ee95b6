import type { SystemUser } from './postgres-platform.ts'

/** Data folder of a PostgreSQL, running or not. */
export interface Cluster {
  readonly data: string
  readonly log: string
  /** User that owns the files and runs the processes. */
  readonly user: SystemUser
  /** TCP port on the loopback address; `undefined`: a Unix socket in the data folder. */
  readonly port: number | undefined
  readonly connectionString: string
}
