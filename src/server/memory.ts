import { totalmem } from 'node:os'

/**
 * What one process may take: the limit of the container (cgroup) or the machine's memory, shared by workers and the
 * process that started them.
 */
export function memoryOfProcess(workers: number, limit = process.constrainedMemory()): number {
  const processes = workers === 1 ? 1 : workers + 1
  // Without a limit it is 0, or larger than any memory.
  return Math.min(limit > 0 ? limit : Number.POSITIVE_INFINITY, totalmem()) / processes
}
