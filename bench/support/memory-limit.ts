import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A control group of Linux, which holds processes to an amount of memory, as a container does. */
export interface MemoryLimit {
  /** Program and arguments, for `startServer`, that run a command in it. */
  launch(command: readonly string[]): { readonly program: string; readonly args: readonly string[] }
  /** Highest memory of its processes so far, including caches of files. */
  peakMegabytes(): number
  /** Removes it, once its processes have ended. */
  remove(): void
}

const ROOT = '/sys/fs/cgroup'

/** Names of its files, in version 2 and version 1. */
const VERSIONS = [
  { at: ROOT, sign: 'cgroup.controllers', limit: 'memory.max', peak: 'memory.peak' },
  {
    at: join(ROOT, 'memory'),
    sign: 'memory.limit_in_bytes',
    limit: 'memory.limit_in_bytes',
    peak: 'memory.max_usage_in_bytes',
  },
]

/** @throws Error where there are no control groups for memory, or this user may not make one */
export function limitMemory(megabytes: number): MemoryLimit {
  const version = VERSIONS.find(({ at, sign }) => existsSync(join(at, sign)))
  if (!version) throw new Error('a limit of memory needs the control groups of Linux')
  const folder = join(version.at, `mintmark-bench-${process.pid}`)
  mkdirSync(folder)
  try {
    writeFileSync(join(folder, version.limit), String(megabytes * 2 ** 20))
  } catch (error) {
    rmdirSync(folder)
    throw error
  }
  return {
    launch: (command) => ({
      program: '/bin/sh',
      args: ['-c', 'echo $$ > "$0" && exec "$@"', join(folder, 'cgroup.procs'), ...command],
    }),
    peakMegabytes: () => Number(readFileSync(join(folder, version.peak), 'utf8')) / 2 ** 20,
    remove: () => rmdirSync(folder),
  }
}
