import pg from 'pg'

/** Identifies the connection whose query is to be cancelled. */
export interface CancelKey {
  readonly processID: number
  readonly secretKey: number
}

/** Time limit of a cancel request. */
const PATIENCE_MILLISECONDS = 1000

/** Asks PostgreSQL to cancel the query of a connection. Resolves once sent, or after one second. */
export async function requestCancel(
  config: pg.ClientConfig,
  { processID, secretKey }: CancelKey,
): Promise<void> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: PATIENCE_MILLISECONDS })
  // Connects as usual, with TLS where configured. Its first message is the cancel request, and then PostgreSQL hangs up.
  const connection = client.connection as unknown as Connection
  connection.startup = () => connection.cancel(processID, secretKey)
  await client.connect().catch(() => {})
}

/** Parts of pg that its types leave out. */
interface Connection {
  startup(): void
  cancel(processID: number, secretKey: number): void
}
