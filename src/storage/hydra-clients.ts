import pg from 'pg'

/** A database of Ory Hydra. */
export interface HydraDatabase {
  readonly connectionString: string
  /** Schema of its tables; `undefined`: as the role has it. */
  readonly searchPath?: string | undefined
}

export type HydraRow = Readonly<Record<string, unknown>>

/** Clients of one network of Hydra's, which is a tenant. */
export interface HydraNetwork {
  readonly nid: string
  readonly clients: number
}

export interface HydraReader {
  /** Columns of the table of clients. */
  columns(): Promise<readonly string[]>
  networks(): Promise<readonly HydraNetwork[]>
  /** Clients of a network, some at once. */
  clients(nid: string): AsyncGenerator<readonly HydraRow[]>
}

const PAGE = 500
const CONNECT_MILLISECONDS = 10_000
const QUERY_MILLISECONDS = 60_000

/** Reads in one read-only transaction, so that all is of one time, and nothing is changed. */
export async function readHydra<T>(
  { connectionString, searchPath }: HydraDatabase,
  work: (reader: HydraReader) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    query_timeout: QUERY_MILLISECONDS,
    application_name: 'mintmark import hydra',
  })
  // A broken connection fails the query as well.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('begin transaction isolation level repeatable read, read only')
    if (searchPath !== undefined)
      await client.query("select set_config('search_path', $1, true)", [searchPath])
    return await work(readerOf(client))
  } finally {
    // It ends the transaction, too.
    await client.end().catch(() => {})
  }
}

function readerOf(client: pg.Client): HydraReader {
  return {
    async columns() {
      const { fields } = await client.query('select * from hydra_client limit 0')
      return fields.map(({ name }) => name)
    },
    async networks() {
      const { rows } = await client.query<{ nid: string; clients: string }>(
        'select nid::text as nid, count(*) as clients from hydra_client group by nid order by nid',
      )
      return rows.map(({ nid, clients }) => ({ nid, clients: Number(clients) }))
    },
    async *clients(nid) {
      for (let after = ''; ; ) {
        const { rows } = await client.query<HydraRow & { id: string }>(
          'select * from hydra_client where nid::text = $1 and id > $2 order by id limit $3',
          [nid, after, PAGE],
        )
        if (rows.length > 0) yield rows
        if (rows.length < PAGE) return
        after = (rows.at(-1) as { id: string }).id
      }
    },
  }
}
