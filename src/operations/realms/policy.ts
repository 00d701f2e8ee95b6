import type { Actor } from '../../domain/actor.ts'
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
  /** The version that the change is based on; `undefined`: whatever it is now. */
  readonly expectedVersion?: string | undefined
}

export interface PolicyOperations {
  /** For every administrator: the policy binds all of them. @throws Refusal `forbidden` */
  findPolicy(actor: Actor): Promise<StoredPolicy>
  /** What is left out stays. Realms beyond it keep what they have. @throws Refusal `forbidden`, `invalid`, `changed_meanwhile` */
  updatePolicy(actor: Actor, update: PolicyUpdate): Promise<StoredPolicy>
  /** Names of realms with a setting beyond the policy, the first hundred. @throws Refusal `forbidden` */
  listRealmsBeyondPolicy(actor: Actor): Promise<string[]>
}

const LISTED = 100

export function policyOperations(deps: Pick<Dependencies, 'db' | 'clock'>): PolicyOperations {
  const { db, clock } = deps
  return {
    async findPolicy(actor) {
      if (!actor.authority.platform) requireAuthority(actor, actor.authority.realm, 'view')
      return findPolicy(db)
    },

    async updatePolicy(actor, { expectedVersion, ...update }) {
      return inChange(deps, { actor, permit: requirePlatformAuthority }, async ({ trx, checkVersion }) => {
        const { policy: before, version } = await lockPolicy(trx)
        checkVersion(version, 'the policy')
        if (expectedVersion !== undefined && expectedVersion !== version)
          throw new Refusal('changed_meanwhile', 'The policy has been changed meanwhile.')
        const after = { ...before, ...update }
        checkPolicy(after)
        const details = { before: changed(before, after), after: changed(after, before) }
        if (Object.keys(details.after).length === 0) return { policy: before, version }
        const event = { actor, action: 'policy.update', target: undefined, outcome: 'done', details } as const
        await insertAuditEvent(trx, { id: undefined, name: undefined }, event, clock())
        return updatePolicy(trx, after)
      })
    },

    async listRealmsBeyondPolicy(actor) {
      requirePlatformAuthority(actor)
      return listRealmsBeyond(db, (await findPolicy(db)).policy, LISTED)
    },
  }
}

function changed(policy: Policy, other: Policy): Record<string, unknown> {
  const names = Object.keys(DEFAULT_POLICY) as (keyof Policy)[]
  const differing = names.filter((name) => JSON.stringify(policy[name]) !== JSON.stringify(other[name]))
  return Object.fromEntries(differing.map((name) => [name, policy[name] ?? null]))
}
