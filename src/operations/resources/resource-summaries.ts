import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import {
  type ImportOutcome,
  isResourceKey,
  type ProtectedResource,
  type ResourceKey,
} from '../../domain/protected-resource.ts'
import { findPolicy } from '../../storage/policy.ts'
import { findProtectedResources } from '../../storage/protected-resources.ts'
import { countOnResources } from '../../storage/resource-counts.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { checkEntries } from './protected-resource-entries.ts'

/** What goes with a resource. */
export interface ResourceUse {
  readonly resource: ProtectedResource
  /** Grants on it, and the accounts that have them. */
  readonly grants: number
  readonly accounts: number
  /** Resources that are in it, and stay. */
  readonly members: number
}

export type ResourceSummaries = ReturnType<typeof resourceSummaries>

/** What a change would do, before it is made. */
export function resourceSummaries({ db, refusals }: Pick<Dependencies, 'db' | 'refusals'>) {
  return {
    /** Uses of the resources that exist, in the order given. @throws Refusal `forbidden`, `not_found` */
    usesOf(actor: Actor, realmName: string, keys: readonly ResourceKey[]): Promise<ResourceUse[]> {
      return refusals.ofRead({ actor, action: 'resource.read', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        const possible = keys.filter(isResourceKey)
        const found = await findProtectedResources(db, id, possible)
        const byName = new Map(found.map((resource) => [`${resource.type}/${resource.id}`, resource]))
        const counts = await countOnResources(db, id, possible)
        return counts.flatMap(({ type, id, grants, accounts, members }) => {
          const resource = byName.get(`${type}/${id}`)
          return resource ? [{ resource, grants, accounts, members }] : []
        })
      })
    },

    /** What an import of these would do. @throws Refusal `forbidden`, `not_found` */
    check(actor: Actor, realmName: string, entries: readonly unknown[]): Promise<ImportOutcome[]> {
      return refusals.ofChange({ actor, action: 'resource.import', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'administer')
        const realm = await realmNamed(db, realmName)
        const { policy } = await findPolicy(db)
        return checkEntries(db, { ...realm, resourceLimit: policy.maxResourcesPerRealm }, entries)
      })
    },
  }
}
