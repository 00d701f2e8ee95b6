import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Listen } from './configuration.ts'

/** Removes the socket that a guard left behind when it was killed: without this it could not start again. */
export async function removeStaleSocket(listen: Listen): Promise<void> {
  if (!('path' in listen)) return
  const found = await lstat(listen.path).catch(() => undefined)
  if (!found?.isSocket()) return
  const refused = await new Promise<boolean>((resolve) => {
    const socket = connect(listen.path)
    socket.once('connect', () => resolve(false))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
    socket.once('connect', () => socket.destroy())
  })
  if (refused) await unlink(listen.path)
}
