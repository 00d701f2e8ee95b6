import { LRUCache } from 'lru-cache'
import type { Actor } from '../../domain/actor.ts'
import { isRealmName } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { findRealmByName } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'

/** As the audit trail calls what was tried. */
export type AttemptNames<Operations> = Partial<Record<keyof Operations, string>>

/** Of one actor, in a minute: whoever is refused may not fill the database. */
const LINES_A_MINUTE = 60

const ACTORS = 10_000

/**
 * Leaves a line in the audit trail for each refused call of these operations, up to 60 of one actor in a minute. They
 * take the actor, the realm's name and, where there is one, what is acted on.
 * @param names of changes, which are recorded whatever was wrong, and of `reads`, recorded for whoever may not read
 */
export function recordRefusals<Operations extends object>(
  { db, clock, log }: Pick<Dependencies, 'db' | 'clock' | 'log'>,
  operations: Operations,
  names: { readonly changes: AttemptNames<Operations>; readonly reads: AttemptNames<Operations> },
): Operations {
  const lines = new LRUCache<string, number>({ max: ACTORS })

  function mayRecord({ id }: Actor): boolean {
    const key = `${Math.floor(clock().getTime() / 60_000)} ${id}`
    const count = (lines.get(key) ?? 0) + 1
    lines.set(key, count)
    if (count === LINES_A_MINUTE + 1)
      log(`refused attempts of ${id} are not recorded for the rest of this minute: there are too many`)
    return count <= LINES_A_MINUTE
  }

  async function record(
    action: string,
    refusal: Refusal,
    [actor, realmName, target]: unknown[],
  ): Promise<void> {
    if (!mayRecord(actor as Actor)) return
    const realm = isName(realmName) ? await findRealmByName(db, realmName) : undefined
    const details = { code: refusal.code, ...(refusal.field !== undefined && { field: refusal.field }) }
    const event = {
      actor: actor as Actor,
      action,
      target: nameOf(target),
      outcome: 'refused',
      details,
    } as const
    await insertAuditEvent(db, { id: realm?.id, name: realm?.name }, event, clock())
  }

  const isRead = (name: string) => name in names.reads
  const recording = Object.entries({ ...names.changes, ...names.reads }).map(([name, action]) => {
    const operation = operations[name as keyof Operations] as (...args: unknown[]) => Promise<unknown>
    const recorded = async (...args: unknown[]) => {
      try {
        return await operation(...args)
      } catch (error) {
        // The refusal stands, whether or not it could be written down.
        if (error instanceof Refusal && (!isRead(name) || isOutside(args, error)))
          await record(action as string, error, args).catch((failure: Error) =>
            log('a refused attempt could not be recorded', failure),
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
