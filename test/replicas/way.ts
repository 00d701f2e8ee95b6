import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface Way {
  readonly url: string
  /** New connections lead there, to one after the other in turn; old ones are cut. */
  lead(...urls: string[]): void
  /** The same, and old ones stay, as those of a service of Kubernetes do. */
  leadNew(...urls: string[]): void
}

/** A TCP way to a PostgreSQL, as a proxy or a long line is. What is sent arrives later by the delay, in either direction. */
export async function wayTo(t: Test, url: string, delayMilliseconds = 0): Promise<Way> {
  let targets = [new URL(url)]
  let turn = 0
  const sockets = new Set<Socket>()
  const carry = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.setNoDelay(true)
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    // Timers of one length fire in their order.
    from.on('data', (data) => setTimeout(() => to.writable && to.write(data), delayMilliseconds))
  }
  const server = createServer((near) => {
    const target = targets[turn++ % targets.length] as URL
    const far = connect(Number(target.port), target.hostname)
    carry(near, far)
    carry(far, near)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    server.close()
    cut()
  })
  const own = new URL(url)
  own.port = String(port)
  const leadNew = (...urls: string[]) => {
    targets = urls.map((one) => new URL(one))
  }
  return {
    url: own.href,
    leadNew,
    lead: (...urls) => {
      leadNew(...urls)
      cut()
    },
  }
}
