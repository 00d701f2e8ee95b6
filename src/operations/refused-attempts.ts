import type { Actor } from '../domain/actor.ts'
import { Refusal } from '../domain/refusal.ts'
import { insertAuditEvent } from '../storage/audit-events.ts'
import { findRealmByName } from '../storage/realms.ts'
import type { Dependencies } from './dependencies.ts'

/** As the audit trail calls what was tried. */
export type AttemptNames<Operations> = Partial<Record<keyof Operations, string>>

/**
 * Leaves a line in the audit trail for each refused call of these operations, which take the actor, the realm's name
 * and, where there is one, what is acted on.
 */
export function recordRefusals<Operations extends object>(
  { db, clock, log }: Pick<Dependencies, 'db' | 'clock' | 'log'>,
  operations: Operations,
  names: AttemptNames<Operations>,
): Operations {
  async function record(
    action: string,
    refusal: Refusal,
    [actor, realmName, target]: unknown[],
  ): Promise<void> {
    const realm = typeof realmName === 'string' ? await findRealmByName(db, realmName) : undefined
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

  const recording = Object.entries(names).map(([name, action]) => {
    const operation = operations[name as keyof Operations] as (...args: unknown[]) => Promise<unknown>
    const recorded = async (...args: unknown[]) => {
      try {
        return await operation(...args)
      } catch (error) {
        // The refusal stands, whether or not it could be written down.
        if (error instanceof Refusal)
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

// What was asked for may be a secret that was pasted into the wrong place.
function nameOf(target: unknown): string | undefined {
  const name = typeof target === 'string' ? target : (target as { name?: unknown } | undefined)?.name
  return typeof name === 'string' ? name.slice(0, 200).replace(/mm_\w+/g, 'mm_…') : undefined
}
