import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '../crypto/identifier.ts'
import type { Clock } from '../domain/clock.ts'
import { type Database, openDatabase, reasonOf } from '../storage/database.ts'
import { deleteReader, insertReader, updateBeat, updateCovered } from '../storage/read-leases.ts'
import { openRoutedReads } from '../storage/routed-reads.ts'
import { OtherStandbyError, openStandby, type Standby, StandbyError } from '../storage/standby.ts'
import { createLeaseState } from './lease-state.ts'
import { createSteadyClock } from './steady-clock.ts'

export interface ReadReplicaSettings {
  /** Address of the standby. */
  readonly url: string
  /** How old what it shows may be. */
  readonly maxLagSeconds: number
}

export interface ReplicaMeasurement {
  /** How old the standby may be at most, as far as this process knows. */
  readonly lagSeconds: number
  /** Reads since the start, by the server that answered. */
  readonly reads: Readonly<Record<'standby' | 'primary', number>>
}

export interface ReadReplica {
  /** Reads of tokens: from the standby while it is new enough, else from the primary. */
  readonly db: Database
  measure(): ReplicaMeasurement
  close(): Promise<void>
}

interface Options {
  readonly settings: ReadReplicaSettings
  readonly primaryUrl: string
  /** For reads that do not go to the standby. */
  readonly primary: Database
  readonly poolSize: number
  readonly clock: Clock
  readonly onFault: (error: Error) => void
  readonly log: (message: string) => void
}

const BEAT_MILLISECONDS = 250
const LOOK_MILLISECONDS = 20

/** Before another connection to the standby is tried. */
const PAUSE_MILLISECONDS = 500

/** One for beats, and one for what they prove. */
const CONNECTIONS = 2

/** Reads a standby for as long as this process can prove that it is new enough; see domain/read-lease.ts. */
export function openReadReplica(options: Options): ReadReplica {
  const { settings, primaryUrl, primary, poolSize, clock, onFault, log } = options
  const reader = newId()
  const now = createSteadyClock(clock)
  const leaseMilliseconds = settings.maxLagSeconds * 1000
  const own = openDatabase({
    connectionString: primaryUrl,
    poolSize: CONNECTIONS,
    onIdleError: () => {},
    onFault,
  })
  const reads = { standby: 0, primary: 0 }
  const state = createLeaseState(leaseMilliseconds, now)
  let closed = false
  let standby: Standby | undefined
  /** Why another connection has to be made, if so. */
  let away: Error | undefined

  function publish(beat: number | undefined): void {
    // A lost one only makes changes wait.
    if (beat !== undefined) updateCovered(own, reader, beat).catch(() => {})
  }

  async function beat(): Promise<void> {
    try {
      if (await updateBeat(own, reader, state.begin())) publish(state.accept())
      else {
        // Its row is new, or was deleted after a silence. It was not written.
        state.abandon()
        await insertReader(own, reader, leaseMilliseconds)
      }
    } catch (error) {
      state.abandon()
      state.reason = `the primary: ${reasonOf(error)}`
    }
    const news = state.news()
    if (news !== undefined) log(news)
  }

  async function look(): Promise<void> {
    try {
      standby ??= await openStandby({
        connectionString: settings.url,
        poolSize,
        reader,
        provenBeat: state.provenBeat,
        onFault,
      })
      if (away) throw away
      if (!state.isPending()) return
      publish(state.see(await standby.readBeat()))
      // Its address may lead to another one.
      if (state.isBehindFor(performance.now() - standby.openedAt)) throw new StandbyError(state.behind)
    } catch (error) {
      void standby?.close()
      standby = undefined
      away = undefined
      state.lose(error as Error)
      await sleep(PAUSE_MILLISECONDS, undefined, { ref: false })
    }
  }

  function onStandbyAway(error: Error): void {
    state.lose(error)
    if (error instanceof OtherStandbyError) away = error
  }

  async function repeat(work: () => Promise<void>, milliseconds: number): Promise<void> {
    while (!closed) {
      const begun = performance.now()
      await work()
      const left = begun + milliseconds - performance.now()
      if (!closed) await sleep(Math.max(1, left), undefined, { ref: false })
    }
  }

  const loops = [repeat(beat, BEAT_MILLISECONDS), repeat(look, LOOK_MILLISECONDS)]
  return {
    db: openRoutedReads(primary, {
      standby: () => (!closed && state.isHeld() ? standby?.db : undefined),
      onStandbyAway,
      onRead: (server) => void reads[server]++,
    }),
    measure: () => ({ lagSeconds: state.lag() / 1000, reads: { ...reads } }),
    async close() {
      closed = true
      await Promise.all(loops)
      // From here on no change has to wait for this process.
      await deleteReader(own, reader).catch(() => {})
      await Promise.all([standby?.close(), own.destroy()])
    },
  }
}
