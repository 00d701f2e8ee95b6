import pg from 'pg'

/** What PostgreSQL gave a connection to be cancelled by. */
export interface CancelKey {
  readonly processID: number
  readonly secretKey: number
}

/** How long one that nobody takes is kept. */
const PATIENCE_MILLISECONDS = 1000

/** Asks PostgreSQL to end what a connection waits for. Is done when it was asked, or in vain after a second. */
export async function requestCancel(
  config: pg.ClientConfig,
  { processID, secretKey }: CancelKey,
): Promise<void> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: PATIENCE_MILLISECONDS })
  // Made as every connection is, with TLS where it has that; but its first message is this one, and PostgreSQL hangs up.
  const connection = client.connection as unknown as Connection
  connection.startup = () => connection.cancel(processID, secretKey)
  await client.connect().catch(() => {})
}

/** Of pg, whose types leave these out. */
interface Connection {
  startup(): void
  cancel(processID: number, secretKey: number): void
}
