import type { Actor } from '../../domain/actor.ts'
import { done, PLATFORM_TRAIL } from '../../domain/audit-event.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import { checkPolicy, DEFAULT_POLICY, type Policy } from '../../domain/policy.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import {
  findPolicy,
  listRealmsBeyond,
  lockPolicy,
  type StoredPolicy,
  updatePolicy,
} from '../../storage/policy.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'

export interface PolicyUpdate extends Partial<Policy> {
  /** Version that the change is based on; `undefined`: any. */
  readonly expectedVersion?: string | undefined
}

const LISTED = 100

export type PolicyOfPlatform = ReturnType<typeof policy>

export function policy(deps: Pick<Dependencies, 'db' | 'clock' | 'refusals'>) {
  const { db, clock, refusals } = deps
  return {
    /** For every administrator, since it binds them all. @throws Refusal `forbidden` */
    find(actor: Actor): Promise<StoredPolicy> {
      return refusals.ofRead({ actor, action: 'policy.read' }, async () => {
        if (!actor.authority.platform) requireAuthority(actor, actor.authority.realm, 'view')
        return findPolicy(db)
      })
    },

    /** Absent members stay. Realms beyond the new policy keep their settings. @throws Refusal `forbidden`, `invalid`, `changed_meanwhile` */
    update(actor: Actor, { expectedVersion, ...update }: PolicyUpdate): Promise<StoredPolicy> {
      const by = { actor, permit: requirePlatformAuthority }
      return refusals.ofChange({ actor, action: 'policy.update' }, () =>
        inChange(deps, by, async ({ trx, checkVersion }) => {
          const { policy: before, version } = await lockPolicy(trx)
          checkVersion(version, 'the policy')
          if (expectedVersion !== undefined && expectedVersion !== version)
            throw new Refusal('changed_meanwhile', 'Another administrator changed the policy: read it again.')
          const after = { ...before, ...update }
          checkPolicy(after)
          const details = { before: changed(before, after), after: changed(after, before) }
          if (Object.keys(details.after).length === 0) return { policy: before, version }
          const event = done(actor, 'policy.update', undefined, details)
          await insertAuditEvent(trx, PLATFORM_TRAIL, event, clock())
          return updatePolicy(trx, after)
        }),
      )
    },

    /** Names of the first hundred realms with a setting beyond the policy. @throws Refusal `forbidden` */
    listRealmsBeyond(actor: Actor): Promise<string[]> {
      return refusals.ofRead({ actor, action: 'policy.read' }, async () => {
        requirePlatformAuthority(actor)
        return listRealmsBeyond(db, (await findPolicy(db)).policy, LISTED)
      })
    },
  }
}

function changed(policy: Policy, other: Policy): Record<string, unknown> {
  const names = Object.keys(DEFAULT_POLICY) as (keyof Policy)[]
  const differing = names.filter((name) => JSON.stringify(policy[name]) !== JSON.stringify(other[name]))
  return Object.fromEntries(differing.map((name) => [name, policy[name] ?? null]))
}
