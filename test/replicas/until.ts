import { setTimeout as sleep } from 'node:timers/promises'
import { type Node, replicaOf } from './nodes.ts'

/** Whether the node's reads go to its standby now. */
export async function isReading(node: Node, maxLagSeconds = 2): Promise<boolean> {
  const before = await replicaOf(node)
  await node.operations.publishedRealms.find('acme')
  const after = await replicaOf(node)
  return after.lagSeconds < maxLagSeconds && after.reads.standby > before.reads.standby
}

/** Returns after how many milliseconds it was so. */
export async function until(condition: () => Promise<boolean>, what: string): Promise<number> {
  const begun = performance.now()
  while (!(await condition().catch(() => false))) {
    if (performance.now() - begun > 20_000) throw new Error(`not in 20 s: ${what}`)
    await sleep(10)
  }
  return performance.now() - begun
}
