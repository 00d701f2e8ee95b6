import type { Actor } from '../domain/actor.ts'
import type { AuditAction, ChangeAction, ReadAction } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import { isRealmName } from '../domain/realm.ts'
import { Refusal } from '../domain/refusal.ts'
import { insertAuditEvent } from '../storage/audit-events.ts'
import type { Database } from '../storage/database.ts'
import { findRealmByName } from '../storage/realms.ts'
import { createLineLimit } from './line-limit.ts'
import { recordRefusedSignIns } from './refused-sign-ins.ts'

/** An attempted action, as the audit trail names it. */
export interface Attempt<Action extends AuditAction> {
  readonly actor: Actor
  readonly action: Action
  /** Name of the realm; `undefined`: the platform itself, or a realm that was named otherwise. */
  readonly realm?: string | undefined
  /** The client_id, kid or name of what was to be changed. */
  readonly target?: unknown
}

/** Maximum per minute for one actor, or for all strangers of one realm: a refused caller must not fill the database. */
const LINES_PER_MINUTE = 60

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly log: (message: string, error?: Error) => void
}

export type Refusals = ReturnType<typeof refusals>

/** Leaves a line in the audit trail for each refused attempt. */
export function refusals({ db, clock, log }: Deps) {
  const mayRecord = createLineLimit({
    clock,
    linesPerMinute: LINES_PER_MINUTE,
    onExceeded: (who) =>
      log(`refused attempts of ${who} are not recorded for the rest of this minute: there are too many`),
  })

  async function insert(attempt: Attempt<AuditAction>, { code, field }: Refusal): Promise<void> {
    const { actor, action, target } = attempt
    const stranger = strangerOf(attempt)
    if (!mayRecord(stranger ? `strangers of realm ${stranger.realm}` : actor.id)) return
    const trail = stranger?.realm ?? attempt.realm
    const realm = trail !== undefined && isRealmName(trail) ? await findRealmByName(db, trail) : undefined
    const details = {
      code,
      ...(field !== undefined && { field }),
      ...(stranger?.elsewhere && { elsewhere: true }),
    }
    const named = stranger ? undefined : nameOf(target)
    const event = { actor, action, target: named, outcome: 'refused', details } as const
    await insertAuditEvent(db, { id: realm?.id, name: realm?.name }, event, clock())
  }

  /** Does not fail: the refusal stands, whether or not it could be written down. */
  async function record(attempt: Attempt<AuditAction>, refusal: Refusal): Promise<void> {
    await insert(attempt, refusal).catch((failure: Error) =>
      log('a refused attempt could not be recorded', failure),
    )
  }

  return {
    /** Signs a person in to the portal; a refusal is recorded in the trail of the realm, if there is one. */
    ofSignIn: recordRefusedSignIns({ db, clock, log }),

    /** Makes a change; its refusal is recorded, whatever was wrong. */
    async ofChange<T>(attempt: Attempt<ChangeAction>, work: () => Promise<T>): Promise<T> {
      try {
        return await work()
      } catch (error) {
        if (error instanceof Refusal) await record(attempt, error)
        throw error
      }
    },

    /** Reads something; its refusal is recorded if the actor may not read it. */
    async ofRead<T>(attempt: Attempt<ReadAction>, work: () => Promise<T>): Promise<T> {
      try {
        return await work()
      } catch (error) {
        if (error instanceof Refusal && isOutside(attempt, error)) await record(attempt, error)
        throw error
      }
    },
  }
}

/** Returns whether the actor lacks authority, as opposed to an impossible change. */
function isOutside({ actor: { authority }, realm }: Attempt<AuditAction>, { code }: Refusal): boolean {
  return code === 'forbidden' || (!authority.platform && authority.realm !== realm)
}

/**
 * An actor without authority in the realm that it names. Its events are in the trail of its own realm and contain none of
 * its choosing: neither names nor ids, nor which other realm it was, which would tell whether there is one.
 */
function strangerOf({
  actor: { authority },
  realm,
}: Attempt<AuditAction>): { readonly realm: string; readonly elsewhere: boolean } | undefined {
  if (authority.platform) return undefined
  const elsewhere = realm !== undefined && realm !== authority.realm
  const atHome = realm === authority.realm && authority.access !== 'none'
  return atHome ? undefined : { realm: authority.realm, elsewhere }
}

// A target may be a secret pasted into the wrong field, or a text that PostgreSQL refuses.
function nameOf(target: unknown): string | undefined {
  if (typeof target !== 'string') return undefined
  return target
    .slice(0, 200)
    .replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd')
    .replace(/mm_\w+/g, 'mm_…')
}
