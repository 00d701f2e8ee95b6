import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { type OwnPostgres, ownPostgres } from '../support/own-postgres.ts'
import {
  type Environment,
  MASTER_KEY_ENVIRONMENT,
  type Started,
  startServer,
  temporaryFolder,
} from '../support/process.ts'
import { checkInvariants } from './invariants.ts'
import { BOOTSTRAP, startWorkload, type Workload } from './workload.ts'

export interface Scene {
  readonly postgres: OwnPostgres
  readonly nodes: readonly Started[]
  readonly workload: Workload
}

export interface Fault {
  /** What is done; it is over when this resolves. */
  readonly fault: (scene: Scene) => Promise<void>
  /** A token has to be given again within this time after the fault. */
  readonly recoverySeconds: number
  readonly nodes?: number
  readonly postgres?: Parameters<typeof ownPostgres>[1]
  readonly environment?: Environment
}

/** Does a fault to a server, or its database, while it works; then checks what clients saw, and everything that must hold. */
export async function survive(
  t: Test,
  { fault, recoverySeconds, nodes: count = 1, postgres: options, environment = {} }: Fault,
): Promise<void> {
  const postgres = await ownPostgres(t, options)
  const nodes: Started[] = []
  const PUBLIC_URL = 'http://auth.test'
  for (let n = 0; n < count; n++)
    nodes.push(
      await startServer(t, {
        ...MASTER_KEY_ENVIRONMENT,
        ...BOOTSTRAP,
        DATABASE_URL: postgres.databaseUrl,
        DATA_DIR: temporaryFolder(t),
        PUBLIC_URL,
        ...environment,
      }),
    )
  const workload = await startWorkload(nodes.map(({ url }) => url))
  await sleep(1500)
  await fault({ postgres, nodes, workload })
  const recovered = await Promise.race([workload.untilToken(), sleep(60_000, Number.POSITIVE_INFINITY)])
  t.ok(recovered < recoverySeconds * 1000, `a token ${Math.round(recovered)} ms after the fault`)
  await sleep(1500)
  await workload.stop()
  const seen = [...workload.statuses].map(([status, n]) => `${status}: ${n}`).join(', ')
  t.comment(`recovered in ${Math.round(recovered)} ms; clients saw ${seen}`)
  const faults = nodes.flatMap(({ output }) =>
    output()
      .stderr.split('\n')
      .filter((line) => line.includes('"fault"')),
  )
  t.same(faults.slice(0, 3), [], 'no fault in the log')
  for (const { child } of nodes) t.equal(child.exitCode, null, 'no restart was needed')
  await checkInvariants(t, postgres, workload, (nodes[0] as Started).url)
}
