import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { OAuthError, TooManyFailuresError } from '../../domain/oauth-error.ts'
import {
  MAX_SHADOW_COUNTS,
  type ShadowReason,
  type ShadowReport,
  shadowClientId,
  shadowReasonOf,
} from '../../domain/shadow.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import {
  addShadowCounts,
  deleteShadowCounts,
  listRefusedShadows,
  listShadowTotals,
  type NotedShadow,
} from '../../storage/shadow-counts.ts'
import { inChange } from '../changes.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed, realmNamed } from '../realms/named-realm.ts'

/** Counts remembered between two writes; beyond it, requests are counted without their client. */
const CAPACITY = 20_000

/** Rows of client_ids that no account has, in a realm. */
export const MAX_STRANGERS = 1000

/** Counts per statement. */
const BATCH = 1000

type Noted = { -readonly [Name in keyof NotedShadow]: NotedShadow[Name] } & { readonly realmId: string }

type Deps = Pick<Dependencies, 'db' | 'clock' | 'refusals'>

export type Shadow = ReturnType<typeof shadow>

/** What realms in shadow mode would have answered. It gathers in memory, and is written every few seconds. */
export function shadow({ db, clock, refusals }: Deps, realms: Pick<LoadedRealms, 'inMemory'>) {
  let noted = new Map<string, Noted>()
  const counts = new Map<string, number>()

  function note(realmId: string, clientId: string | undefined, reason: ShadowReason): void {
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
    const isRoom = noted.size < CAPACITY || noted.has(`${realmId} ${reason} ${clientId}`)
    const name = isRoom ? (clientId ?? '') : ''
    const key = `${realmId} ${reason} ${name}`
    const now = clock()
    const known = noted.get(key)
    if (known) {
      known.count++
      known.lastAt = now
    } else {
      const strangerId = shadowClientId(name)
      noted.set(key, { realmId, clientId: name, strangerId, reason, count: 1, firstAt: now, lastAt: now })
    }
  }

  return {
    /** Never waits and never fails. */
    noteIssued: (realmId: string, clientId: string): void => note(realmId, clientId, 'issued'),

    /**
     * Counts a refused request if the realm, as this process knows it, is in shadow mode. Never waits and never fails.
     * @returns whether it is
     */
    noteRefusal(
      realmName: string,
      clientId: string | undefined,
      error: OAuthError | TooManyFailuresError,
    ): boolean {
      const realm = realms.inMemory(realmName)
      if (!realm?.shadowMode) return false
      // Longer texts cannot be a client_id, and would be kept in memory.
      note(realm.id, clientId !== undefined && clientId.length <= 64 ? clientId : '', shadowReasonOf(error))
      return true
    },

    /** Requests since the start, by reason. */
    count: (): ReadonlyMap<string, number> => counts,

    /** Writes what was noted, and returns how many. What fails is tried again. */
    async write(): Promise<number> {
      const batches = batchesOf(noted.values())
      noted = new Map()
      let written = 0
      for (const [at, batch] of batches.entries()) {
        try {
          await addShadowCounts(db, batch.realmId, batch.counts, MAX_STRANGERS)
        } catch (error) {
          keep(batches.slice(at).flatMap(({ counts }) => counts))
          throw error
        }
        written += batch.counts.length
      }
      return written
    },

    /** @throws Refusal `forbidden`, `not_found` */
    report(actor: Actor, realmName: string): Promise<ShadowReport> {
      return refusals.ofRead({ actor, action: 'shadow.read', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id, shadowMode } = await realmNamed(db, realmName)
        const totals = await listShadowTotals(db, id)
        const first = totals.map(({ since }) => since.getTime())
        return {
          shadowMode,
          since: first.length === 0 ? undefined : new Date(Math.min(...first)),
          totals: new Map(totals.map(({ reason, count }) => [reason, count])),
          issuedClients: totals.find(({ reason }) => reason === 'issued')?.clients ?? 0,
          refused: await listRefusedShadows(db, id, MAX_SHADOW_COUNTS),
        }
      })
    },

    /** Forgets the counts; what nodes have not written yet comes after it. @throws Refusal `forbidden`, `not_found` */
    reset(actor: Actor, realmName: string): Promise<void> {
      const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
      return refusals.ofChange({ actor, action: 'shadow.reset', realm: realmName }, () =>
        inChange(
          { db, clock },
          { actor, permit, realmName },
          async ({ trx, actor: present, checkVersion }) => {
            const realm = await lockRealmNamed(trx, realmName)
            checkVersion(null, 'the counts')
            await deleteShadowCounts(trx, realm.id)
            await insertAuditEvent(trx, realm, done(present, 'shadow.reset', realmName), clock())
          },
        ),
      )
    },
  }

  /** After a failed write, beside what came meanwhile. */
  function keep(list: readonly Noted[]): void {
    for (const one of list) {
      const key = `${one.realmId} ${one.reason} ${one.clientId}`
      const known = noted.get(key)
      if (known) {
        known.count += one.count
        known.firstAt = one.firstAt
      } else noted.set(key, one)
    }
  }
}

/** One realm each, so that a statement works on the rows of one. */
function batchesOf(noted: Iterable<Noted>): { readonly realmId: string; readonly counts: Noted[] }[] {
  return [...Map.groupBy(noted, ({ realmId }) => realmId)].flatMap(([realmId, list]) => {
    const starts = Array.from({ length: Math.ceil(list.length / BATCH) }, (_, n) => n * BATCH)
    return starts.map((start) => ({ realmId, counts: list.slice(start, start + BATCH) }))
  })
}
