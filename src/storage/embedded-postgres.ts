export interface EmbeddedPostgres {
  readonly connectionString: string
  close(): Promise<void>
}

/** A PostgreSQL of our own below `dataDir`. */
export async function openEmbeddedPostgres(
  dataDir: string,
  _options: {
    readonly role: 'server' | 'cli'
    readonly log: (message: string, error?: Error) => void
  },
): Promise<EmbeddedPostgres> {
  throw new Error(`no PostgreSQL in ${dataDir} yet; set DATABASE_URL`)
}
