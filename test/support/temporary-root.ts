import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'

const MEMORY = '/dev/shm'
const NEEDED_BYTES = 2 * 1024 ** 3

/** Where throw-away databases are kept: in memory where there is room, since disks make them wait. */
export const TEMPORARY_ROOT = (await hasRoom()) ? MEMORY : tmpdir()

async function hasRoom(): Promise<boolean> {
  if (process.env['TMPDIR'] !== undefined || process.platform !== 'linux') return false
  try {
    await access(MEMORY, constants.W_OK)
    const { bavail, bsize } = await statfs(MEMORY)
    return bavail * bsize >= NEEDED_BYTES
  } catch {
    return false
  }
}
