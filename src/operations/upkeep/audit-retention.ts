import { type AuditPartition, listPartitions } from '../../storage/audit-partitions.ts'
import {
  deleteExpiredEvents,
  dropPartition,
  type ExpiredTrail,
  isWithoutPartition,
  listTrails,
  mayDeleteAuditEvents,
  shortestRetention,
  type TrailRetention,
} from '../../storage/audit-retention.ts'
import type { Database } from '../../storage/database.ts'
import { findPolicy } from '../../storage/policy.ts'
import type { Dependencies } from '../dependencies.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log'>

const BATCH = 1000
const DAY_MILLISECONDS = 86_400_000

/** Looks at a thousand realms of a partition each, in one go; the next one goes on there. */
const LOOKS = 20

/** How far a pass through all partitions has come. */
interface Place {
  readonly partition: string
  /** The last realm that is done. */
  readonly after: string | undefined
}

interface Went {
  readonly deleted: number
  /** Where the next one goes on; `undefined`: the pass is over. */
  readonly place: Place | undefined
}

/** Deletes events that neither their realm nor the policy keeps: whole partitions where no realm keeps any. */
export function auditRetention(deps: Deps) {
  const { db } = deps
  const mayDelete = rightToDelete(deps)
  let place: Place | undefined

  async function go(from: Place | undefined, limit: number): Promise<Went> {
    const kept = await readRetention(deps)
    if (!kept || !(await mayDelete())) return { deleted: 0, place: undefined }
    const partitions = (await listPartitions(db)).filter(
      ({ from }) => from === undefined || from < kept.newest,
    )
    const start = partitions.findIndex(({ name }) => name === from?.partition)
    const walk = { db, expiredOf: kept.expiredOf, limit, looks: LOOKS, deleted: 0 }
    for (const partition of partitions.slice(Math.max(0, start))) {
      const after = partition.name === from?.partition ? from.after : undefined
      const next = await clear(walk, partition, after).catch(unlessDropped(db, partition))
      if (next) return { deleted: walk.deleted, place: next }
    }
    return { deleted: walk.deleted, place: undefined }
  }

  return {
    /** About so many of them at most, and any number of whole partitions. Returns how many. */
    async deleteSome(limit: number): Promise<number> {
      const went = await go(place, limit)
      place = went.place
      return went.deleted
    },

    /** All of them. Returns how many. */
    async deleteAll(): Promise<number> {
      let deleted = 0
      let at: Place | undefined
      do {
        const went = await go(at, BATCH)
        deleted += went.deleted
        at = went.place
      } while (at !== undefined)
      return deleted
    },
  }
}

/** Throws the error again, unless another node dropped the partition meanwhile: nothing of it is left then. */
function unlessDropped(db: Database, partition: AuditPartition) {
  return async (error: unknown): Promise<undefined> => {
    if (!(await isWithoutPartition(db, partition, error))) throw error
  }
}

function rightToDelete({ db, log }: Deps): () => Promise<boolean> {
  let may: boolean | undefined
  return async () => {
    if (may !== undefined) return may
    may = await mayDeleteAuditEvents(db)
    if (!may)
      log(
        'audit_retention_days: this database role may not delete from audit_events; run `mintmark audit prune` as the owner',
      )
    return may
  }
}

type ExpiredOf = (trail: TrailRetention) => ExpiredTrail[]

/** `undefined`: all events are kept for ever. */
async function readRetention({
  db,
  clock,
}: Deps): Promise<{ newest: Date; expiredOf: ExpiredOf } | undefined> {
  const usual = (await findPolicy(db)).policy.auditRetentionDays
  const shortest = Math.min(usual ?? Infinity, (await shortestRetention(db)) ?? Infinity)
  if (shortest === Infinity) return undefined
  const ago = (days: number) => new Date(clock().getTime() - days * DAY_MILLISECONDS)
  return {
    newest: ago(shortest),
    expiredOf: ({ realmId, days = usual }) => (days === undefined ? [] : [{ realmId, before: ago(days) }]),
  }
}

interface Walk {
  readonly db: Database
  readonly expiredOf: ExpiredOf
  readonly limit: number
  looks: number
  deleted: number
}

/** Returns where the next one goes on; `undefined`: nothing of this partition is left to delete. */
async function clear(
  walk: Walk,
  partition: AuditPartition,
  after: string | undefined,
): Promise<Place | undefined> {
  const { db, expiredOf, limit } = walk
  if (after === undefined && (await isOver(walk, partition))) {
    const dropped = await dropPartition(db, partition)
    walk.deleted += dropped ?? 0
    if (dropped !== undefined) return undefined
  }
  for (let at = after; ; ) {
    const { trails, end } = await listTrails(db, partition, at)
    const room = limit - walk.deleted
    const count = await deleteExpiredEvents(db, partition, trails.flatMap(expiredOf), Math.max(1, room))
    walk.deleted += count
    if (walk.deleted >= limit) return { partition: partition.name, after: at }
    if (end === undefined) return undefined
    at = end
    if (--walk.looks <= 0) return { partition: partition.name, after: at }
  }
}

/** Returns whether no realm keeps an event of this partition. */
async function isOver({ db, expiredOf }: Walk, partition: AuditPartition): Promise<boolean> {
  const { to } = partition
  if (to === undefined) return false
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const { trails, end } = await listTrails(db, partition, after)
    const isKept = (trail: TrailRetention) => !expiredOf(trail).some(({ before }) => to <= before)
    if (trails.some(isKept)) return false
    after = end
  }
  return true
}
