import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** An API behind a gateway, which answers all and remembers what it was sent. */
export async function apiBehind(t: Test): Promise<{ port: number; seen: () => IncomingHttpHeaders }> {
  let seen: IncomingHttpHeaders = {}
  const api = createServer((request, response) => {
    seen = request.headers
    response.end('hello')
  })
  api.listen(0, '127.0.0.1')
  await once(api, 'listening')
  t.teardown(() => {
    api.closeAllConnections()
    api.close()
  })
  return { port: (api.address() as AddressInfo).port, seen: () => seen }
}

/** Asks a gateway with a token, and gives the status. */
export async function statusAt(url: string, token?: string, headers = {}): Promise<number> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url, { headers: { ...authorization, ...headers } })
  await answer.arrayBuffer()
  return answer.status
}
