import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { Test } from 'tap'
import { freePort } from '../support/free-port.ts'

/** The one address that clients and APIs know, before whatever server it leads to. */
export interface FrontDoor {
  readonly url: string
  /** Sends all requests to another server from now on. */
  leadTo(origin: string): void
}

export async function frontDoor(t: Test): Promise<FrontDoor> {
  const port = await freePort()
  let target: string | undefined
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url } = incoming
    const refuse = () => void outgoing.writeHead(502).end()
    if (target === undefined) return refuse()
    // The name that clients know stays in the header Host, as proxies are told to leave it.
    const onward = request(new URL(url ?? '/', target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward.on('error', refuse))
  })
  await once(server.listen(port, 'localhost'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://localhost:${port}`,
    leadTo: (origin) => {
      target = origin
    },
  }
}
