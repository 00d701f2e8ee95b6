import { LRUCache } from 'lru-cache'
import type { Actor } from '../../domain/actor.ts'
import type { AuditAction } from '../../domain/audit-event.ts'
import { isRealmName } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { findRealmByName } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'

/** As the audit trail calls what was tried: the name of the change that would have been made. */
export type AttemptNames<Operations> = {
  readonly [Name in keyof Operations]?: Operations[Name] extends (...args: infer Args) => unknown
    ? AuditAction | ((...args: Args) => AuditAction)
    : never
}

/** Of one actor, or of all strangers of one realm, in a minute: a refused caller may not fill the database. */
const LINES_A_MINUTE = 60

const ACTORS = 10_000

/**
 * Leaves a line in the audit trail for each refused call of these operations. They take the actor, the realm's name
 * and, where there is one, what is acted on.
 * @param names of changes, which are recorded whatever was wrong, and of `reads`, recorded for callers who may not read
 */
export function recordRefusals<Operations extends object>(
  { db, clock, log }: Pick<Dependencies, 'db' | 'clock' | 'log'>,
  operations: Operations,
  names: {
    readonly changes: AttemptNames<NoInfer<Operations>>
    readonly reads: AttemptNames<NoInfer<Operations>>
  },
): Operations {
  const lines = new LRUCache<string, number>({ max: ACTORS })

  function mayRecord(who: string): boolean {
    const key = `${Math.floor(clock().getTime() / 60_000)} ${who}`
    const count = (lines.get(key) ?? 0) + 1
    lines.set(key, count)
    if (count === LINES_A_MINUTE + 1)
      log(`refused attempts of ${who} are not recorded for the rest of this minute: there are too many`)
    return count <= LINES_A_MINUTE
  }

  async function record(action: AuditAction, refusal: Refusal, args: unknown[]): Promise<void> {
    const [actor, realmName, target] = args as [Actor, unknown, unknown]
    const stranger = strangerOf(actor, realmName)
    if (!mayRecord(stranger ? `strangers of realm ${stranger.realm}` : actor.id)) return
    const trail = stranger?.realm ?? realmName
    const realm = isName(trail) ? await findRealmByName(db, trail) : undefined
    const details = {
      code: refusal.code,
      ...(refusal.field !== undefined && { field: refusal.field }),
      ...(stranger?.elsewhere && { elsewhere: true }),
    }
    const event = {
      actor,
      action,
      target: stranger ? undefined : nameOf(target),
      outcome: 'refused',
      details,
    } as const
    await insertAuditEvent(db, { id: realm?.id, name: realm?.name }, event, clock())
  }

  const isRead = (name: string) => name in names.reads
  const recording = Object.entries({ ...names.changes, ...names.reads }).map(([name, action]) => {
    const operation = operations[name as keyof Operations] as (...args: unknown[]) => Promise<unknown>
    const actionOf = action as AuditAction | ((...args: unknown[]) => AuditAction)
    const recorded = async (...args: unknown[]) => {
      try {
        return await operation(...args)
      } catch (error) {
        // The refusal stands, whether or not it could be written down.
        if (error instanceof Refusal && (!isRead(name) || isOutside(args, error)))
          await record(typeof actionOf === 'string' ? actionOf : actionOf(...args), error, args).catch(
            (failure: Error) => log('a refused attempt could not be recorded', failure),
          )
        throw error
      }
    }
    return [name, recorded]
  })
  return { ...operations, ...Object.fromEntries(recording) }
}

/** Whether it was none of the actor's business, rather than impossible. */
function isOutside([actor, realmName]: unknown[], { code }: Refusal): boolean {
  const { authority } = actor as Actor
  return code === 'forbidden' || (!authority.platform && authority.realm !== realmName)
}

/**
 * Somebody without a word in the realm that they name. Their lines are in the trail of their own realm and say nothing
 * of their choosing: neither names nor ids, nor which other realm it was, which would tell whether there is one.
 */
function strangerOf(
  { authority }: Actor,
  realmName: unknown,
): { readonly realm: string; readonly elsewhere: boolean } | undefined {
  if (authority.platform) return undefined
  const elsewhere = typeof realmName === 'string' && realmName !== authority.realm
  const atHome = realmName === authority.realm && authority.access !== 'none'
  return atHome ? undefined : { realm: authority.realm, elsewhere }
}

function isName(realmName: unknown): realmName is string {
  return typeof realmName === 'string' && isRealmName(realmName)
}

// What was asked for may be a secret that was pasted into the wrong place, and may be no text that can be kept.
function nameOf(target: unknown): string | undefined {
  const name = typeof target === 'string' ? target : (target as { name?: unknown } | undefined)?.name
  if (typeof name !== 'string') return undefined
  return name
    .slice(0, 200)
    .replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd')
    .replace(/mm_\w+/g, 'mm_…')
}
