import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Test } from 'tap'

export interface Proxy {
  /** The database's address by way of the proxy. */
  readonly databaseUrl: string
  /** How many connections were made by way of it. */
  connections(): number
  open(): Promise<void>
  /** To new connections. */
  close(): void
}

/** A way to a database, closed at first. */
export async function databaseProxy(t: Test, databaseUrl: string): Promise<Proxy> {
  const target = new URL(databaseUrl)
  const folder = target.searchParams.get('host')
  const targetPort = target.searchParams.get('port') ?? (target.port || '5432')
  let connections = 0
  const server = createServer((near) => {
    connections++
    const far = folder
      ? connect(`${folder}/.s.PGSQL.${targetPort}`)
      : connect(Number(targetPort), target.hostname)
    near.on('error', () => far.destroy()).pipe(far)
    far.on('error', () => near.destroy()).pipe(near)
  })
  // The port is chosen now and let go again until it is to be open.
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  t.teardown(() => server.close())

  const url = new URL(databaseUrl)
  url.search = ''
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return {
    databaseUrl: url.href,
    connections: () => connections,
    open: async () => void (await once(server.listen(port, '127.0.0.1'), 'listening')),
    close: () => void server.close(),
  }
}
