import { join } from 'node:path'
import type { BenchContext } from './bench.ts'
import { measureSignature, startFloor } from './contestants.ts'
import { CONNECTIONS, writeRequests } from './load.ts'
import { measure, warmUp } from './measure.ts'
import { createClient, openAdministration, requestOf, startMintmark } from './mintmark.ts'
import type { Server } from './processes.ts'

/** The least that a token can cost on this machine: a request of bare Fastify and one signature. One warm server for the whole run. */
export interface Floors {
  /** Bare Fastify; answers each form with the same ES256 token. */
  readonly fastify: Server
  /** CPU microseconds of a request and an ES256 signature now, in about two seconds. */
  measure(): Promise<number>
  stop(): Promise<void>
}

/** Name of their row in the table of a bench. */
export const FLOORS_ROW = 'floors: bare Fastify + one signature'

export async function openFloors({
  options,
  postgres,
  folder,
}: Pick<BenchContext, 'options' | 'postgres' | 'folder'>): Promise<Floors> {
  const databaseUrl = await postgres.createDatabase('floors')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'floors', { algorithm: 'ES256' })
  await administration.close()
  const mintmark = await startMintmark(databaseUrl)
  const fastify = await startFloor(mintmark, client).finally(mintmark.stop)
  const file = writeRequests(join(folder, 'floors'), [requestOf(client)])
  const load = { url: fastify.url, file, order: 'sequential', connections: CONNECTIONS } as const
  const turn = (seconds: number) => measure(fastify, { ...load, seconds })
  await warmUp(() => turn(options.seconds))
  return {
    fastify,
    measure: async () => (await turn(1)).serverMicroseconds + (await measureSignature('ES256', 0.5)),
    stop: fastify.stop,
  }
}
