import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ListenOptions } from 'node:net'

// Below those that systems give to outgoing connections, so that none of them takes one in between.
const FIRST = 15_000
const LAST = 32_000

/** A port that nothing listens on, and that no other test is given while this process lives. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST)
    if ((await isReserved(port)) && (await isFree(port))) return port
  }
}

// A name that Linux frees when the process ends; elsewhere the choice by chance must do.
async function isReserved(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const reservation = await listen({ path: `\0mintmark-test-port-${port}` })
  reservation?.unref()
  return reservation !== undefined
}

async function isFree(port: number): Promise<boolean> {
  const probe = await listen({ port, host: 'localhost' })
  if (!probe) return false
  probe.close()
  await once(probe, 'close')
  return true
}

async function listen(options: ListenOptions) {
  const server = createServer().listen(options)
  try {
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}
