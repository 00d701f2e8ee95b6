import { fingerprint } from '../../crypto/fingerprint.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { MAX_AUDITED_GRANTS } from '../../domain/grant.ts'
import type { Page } from '../../domain/page.ts'
import {
  type ImportOutcome,
  isResourceKey,
  type ProtectedResource,
  parseResourceEntry,
  type ResourceKey,
  resourceTypesOf,
} from '../../domain/protected-resource.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { updateAuthorizationDetails } from '../../storage/authorization-details.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { lockGrantees } from '../../storage/grants.ts'
import { deleteProtectedResource, lockProtectedResources } from '../../storage/protected-resource-changes.ts'
import { findProtectedResource } from '../../storage/protected-resources.ts'
import { type ChangeScope, inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed, shareRealmNamed } from '../realms/named-realm.ts'
import { type LimitedRealm, writeEntries } from './protected-resource-entries.ts'
import { takeResourceLimit } from './resource-limit.ts'
import { type ProtectedResourceFilter, pageOfProtectedResources } from './resource-search.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'refusals'>

export type ProtectedResources = ReturnType<typeof protectedResources>

export function protectedResources(deps: Deps) {
  const { db, refusals } = deps
  return {
    /** A page in order of type and id; see `pageOfProtectedResources`. */
    list(actor: Actor, realmName: string, filter: ProtectedResourceFilter): Promise<Page<ProtectedResource>> {
      return refusals.ofRead({ actor, action: 'resource.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        return pageOfProtectedResources(db, id, filter)
      })
    },

    /** @throws Refusal `forbidden`, `not_found` */
    find(actor: Actor, realmName: string, key: ResourceKey): Promise<ProtectedResource> {
      return refusals.ofRead({ actor, action: 'resource.read', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        const resource = isResourceKey(key) ? await findProtectedResource(db, id, key) : undefined
        if (!resource) throw unknownResource(realmName, key)
        return resource
      })
    },

    /**
     * Makes a resource or replaces what is known of it; its grants stay.
     * @throws Refusal `forbidden`, `not_found`, `invalid`
     */
    put(
      actor: Actor,
      realmName: string,
      value: unknown,
    ): Promise<{ readonly resource: ProtectedResource; readonly created: boolean }> {
      const target = (value as { name?: unknown } | undefined)?.name
      return refusals.ofChange({ actor, action: 'resource.update', realm: realmName, target }, () =>
        change(deps, actor, realmName, async ({ trx, realm, now, checkVersion }) => {
          const entry = parseResourceEntry(value, resourceTypesOf(realm))
          await lockProtectedResources(trx, realm.id, [entry], 'update')
          const before = await findProtectedResource(trx, realm.id, entry)
          checkVersion(before && resourceVersion(before), 'the resource')
          const [outcome] = (await writeEntries(trx, realm, [entry], now)) as [ImportOutcome]
          if (outcome.status === 'refused') throw outcome.refusal
          const created = outcome.status === 'created'
          // Another may have made it between the look and the write.
          if (!before && !created) checkVersion(null, 'the resource')
          const details = { after: { name: entry.name, groups: entry.groups } }
          const event = done(actor, created ? 'resource.create' : 'resource.update', nameOf(entry), details)
          if (outcome.status !== 'unchanged') await insertAuditEvent(trx, realm, event, now)
          const resource = (await findProtectedResource(trx, realm.id, entry)) as ProtectedResource
          return { resource, created }
        }),
      )
    },

    /** Deletes a resource and, at the same moment, all grants on it. @throws Refusal `forbidden`, `not_found` */
    delete(actor: Actor, realmName: string, key: ResourceKey): Promise<void> {
      return refusals.ofChange({ actor, action: 'resource.delete', realm: realmName }, () =>
        change(deps, actor, realmName, async ({ trx, realm, now, checkVersion }) => {
          // The resource before the accounts, as grants lock them: or the two could wait for each other.
          const possible = isResourceKey(key) ? [key] : []
          const [found] = await lockProtectedResources(trx, realm.id, possible, 'update')
          if (!found) throw unknownResource(realmName, key)
          const before = (await findProtectedResource(trx, realm.id, key)) as ProtectedResource
          checkVersion(resourceVersion(before), 'the resource')
          const grants = await lockGrantees(trx, realm.id, key)
          await deleteProtectedResource(trx, realm.id, key)
          await updateAuthorizationDetails(trx, realm.id, [
            ...new Set(grants.map(({ clientId }) => clientId)),
          ])
          const lost = grants
            .slice(0, MAX_AUDITED_GRANTS)
            .map(({ clientId, role }) => ({ client_id: clientId, role }))
          const event = done(actor, 'resource.delete', nameOf(key), { grants: grants.length, lost })
          await insertAuditEvent(trx, realm, event, now)
        }),
      )
    },

    /**
     * Makes or replaces resources in one transaction, in the order given: a group has to come before what is in it.
     * An entry that is refused keeps none of the others from being taken.
     * @returns an outcome for each entry
     * @throws Refusal `forbidden`, `not_found`
     */
    import(actor: Actor, realmName: string, entries: readonly unknown[]): Promise<ImportOutcome[]> {
      return refusals.ofChange({ actor, action: 'resource.import', realm: realmName }, () =>
        change(deps, actor, realmName, async ({ trx, realm, now, checkVersion }) => {
          checkVersion(null, 'the list')
          const outcomes = await writeEntries(trx, realm, entries, now)
          const details = {
            created: namesOf(outcomes, 'created'),
            updated: namesOf(outcomes, 'updated'),
            refused: outcomes.filter(({ status }) => status === 'refused').length,
          }
          const event = done(actor, 'resource.import', undefined, details)
          if (entries.length > 0) await insertAuditEvent(trx, realm, event, now)
          return outcomes
        }),
      )
    },
  }
}

/** Another one for each state of a resource. */
export function resourceVersion({ type, id, name, groups, createdAt, updatedAt }: ProtectedResource): string {
  return fingerprint(JSON.stringify([type, id, name, groups, createdAt, updatedAt]))
}

interface Context {
  readonly trx: DatabaseTransaction
  readonly realm: LimitedRealm
  readonly now: Date
  readonly checkVersion: ChangeScope['checkVersion']
}

function change<T>(
  deps: Deps,
  actor: Actor,
  realmName: string,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
  return inChange(deps, { actor, permit, realmName }, async ({ trx, checkVersion }) => {
    // Shared, so that its types stay what they are checked against.
    const named = await shareRealmNamed(trx, realmName)
    const realm = { ...named, resourceLimit: await takeResourceLimit(trx, named.id) }
    return work({ trx, realm, now: deps.clock(), checkVersion })
  })
}

function namesOf(outcomes: readonly ImportOutcome[], status: 'created' | 'updated'): string[] {
  return outcomes.flatMap((one) => (one.status === status ? [nameOf(one)] : []))
}

function nameOf({ type, id }: ResourceKey): string {
  return `${type}/${id}`
}

export function unknownResource(realmName: string, { type, id }: ResourceKey): Refusal {
  return new Refusal('not_found', `Realm ${realmName} has no ${type} ${id}.`, 'id')
}
