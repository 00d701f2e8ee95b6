import { fingerprint } from '../../crypto/fingerprint.ts'
import type { Actor } from '../../domain/actor.ts'
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
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { lockGrantees, updateAuthorizationDetails } from '../../storage/grants.ts'
import {
  deleteProtectedResource,
  findProtectedResource,
  listProtectedResources,
  lockProtectedResources,
  type ProtectedResourceFilter,
} from '../../storage/protected-resources.ts'
import { keepRealmByName } from '../../storage/realms.ts'
import { realmNamed } from '../accounts/account-changes.ts'
import { type ChangeScope, inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { unknownRealm } from '../realms/realms.ts'
import { writeEntries } from './protected-resource-entries.ts'

export interface ProtectedResourceOperations {
  /** A page in order of type and id; `next` is where the following one begins. */
  listProtectedResources(
    actor: Actor,
    realmName: string,
    query: Omit<ProtectedResourceFilter, 'after'> & { readonly after?: string | undefined },
  ): Promise<Page<ProtectedResource>>
  /** @throws Refusal `forbidden`, `not_found` */
  findProtectedResource(actor: Actor, realmName: string, key: ResourceKey): Promise<ProtectedResource>
  /**
   * Makes a resource or replaces what is known of it; its grants stay.
   * @throws Refusal `forbidden`, `not_found`, `invalid`
   */
  putProtectedResource(
    actor: Actor,
    realmName: string,
    entry: unknown,
  ): Promise<{ readonly resource: ProtectedResource; readonly created: boolean }>
  /** Deletes a resource and, at the same moment, all grants on it. @throws Refusal `forbidden`, `not_found` */
  deleteProtectedResource(actor: Actor, realmName: string, key: ResourceKey): Promise<void>
  /**
   * Makes or replaces resources in one transaction, in the order given: a group has to come before what is in it.
   * An entry that is refused keeps none of the others from being taken.
   * @returns an outcome for each entry
   * @throws Refusal `forbidden`, `not_found`
   */
  importProtectedResources(
    actor: Actor,
    realmName: string,
    entries: readonly unknown[],
  ): Promise<ImportOutcome[]>
}

type Deps = Pick<Dependencies, 'db' | 'clock'>

export function protectedResourceOperations(deps: Deps): ProtectedResourceOperations {
  const { db } = deps
  return {
    async listProtectedResources(actor, realmName, { after, limit, ...filter }) {
      requireAuthority(actor, realmName, 'view')
      const { id } = await realmNamed(db, realmName)
      const page = {
        ...filter,
        after: after === undefined ? undefined : parsePosition(after),
        limit: limit + 1,
      }
      const items = await listProtectedResources(db, id, page)
      if (items.length <= limit) return { items, next: undefined }
      items.pop()
      const last = items.at(-1) as ProtectedResource
      return { items, next: `${last.type}/${last.id}` }
    },

    async findProtectedResource(actor, realmName, key) {
      requireAuthority(actor, realmName, 'view')
      const { id } = await realmNamed(db, realmName)
      const resource = isResourceKey(key) ? await findProtectedResource(db, id, key) : undefined
      if (!resource) throw unknownResource(realmName, key)
      return resource
    },

    async putProtectedResource(actor, realmName, value) {
      return change(deps, actor, realmName, async ({ trx, realm, now, checkVersion }) => {
        const entry = parseResourceEntry(value, resourceTypesOf(realm))
        await lockProtectedResources(trx, realm.id, [entry], 'update')
        const before = await findProtectedResource(trx, realm.id, entry)
        checkVersion(before && resourceVersion(before), 'the resource')
        const [outcome] = (await writeEntries(trx, realm, [entry], now)) as [ImportOutcome]
        if (outcome.status === 'refused') throw outcome.refusal
        // Another may have made it between the look and the write.
        if (!before && outcome.status !== 'created') checkVersion(null, 'the resource')
        const after = { name: entry.name, groups: entry.groups }
        const action = outcome.status === 'created' ? 'resource.create' : 'resource.update'
        const event = {
          actor,
          action,
          target: `${entry.type}/${entry.id}`,
          outcome: 'done',
          details: { after },
        } as const
        if (outcome.status !== 'unchanged') await insertAuditEvent(trx, realm, event, now)
        const resource = (await findProtectedResource(trx, realm.id, entry)) as ProtectedResource
        return { resource, created: outcome.status === 'created' }
      })
    },

    async deleteProtectedResource(actor, realmName, key) {
      await change(deps, actor, realmName, async ({ trx, realm, now, checkVersion }) => {
        // The resource before the accounts, as grants lock them: or the two could wait for each other.
        const possible = isResourceKey(key) ? [key] : []
        const [found] = await lockProtectedResources(trx, realm.id, possible, 'update')
        if (!found) throw unknownResource(realmName, key)
        const before = (await findProtectedResource(trx, realm.id, key)) as ProtectedResource
        checkVersion(resourceVersion(before), 'the resource')
        const grants = await lockGrantees(trx, realm.id, key)
        await deleteProtectedResource(trx, realm.id, key)
        await updateAuthorizationDetails(trx, realm.id, [...new Set(grants.map(({ clientId }) => clientId))])
        const lost = grants
          .slice(0, MAX_AUDITED_GRANTS)
          .map(({ clientId, role }) => ({ client_id: clientId, role }))
        const event = {
          actor,
          action: 'resource.delete',
          target: `${key.type}/${key.id}`,
          outcome: 'done',
          details: { grants: grants.length, lost },
        } as const
        await insertAuditEvent(trx, realm, event, now)
      })
    },

    async importProtectedResources(actor, realmName, values) {
      return change(deps, actor, realmName, async ({ trx, realm, now, checkVersion }) => {
        checkVersion(null, 'the list')
        const outcomes = await writeEntries(trx, realm, values, now)
        const details = {
          created: namesOf(outcomes, 'created'),
          updated: namesOf(outcomes, 'updated'),
          refused: outcomes.filter(({ status }) => status === 'refused').length,
        }
        const event = {
          actor,
          action: 'resource.import',
          target: undefined,
          outcome: 'done',
          details,
        } as const
        if (values.length > 0) await insertAuditEvent(trx, realm, event, now)
        return outcomes
      })
    },
  }
}

/** Another one for each state of a resource. */
export function resourceVersion({ type, id, name, groups, createdAt, updatedAt }: ProtectedResource): string {
  return fingerprint(JSON.stringify([type, id, name, groups, createdAt, updatedAt]))
}

interface Context {
  readonly trx: DatabaseTransaction
  readonly realm: Realm
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
    // Kept, so that its types stay what they are checked against.
    const realm = await keepRealmByName(trx, realmName)
    if (!realm) throw unknownRealm(realmName)
    return work({ trx, realm, now: deps.clock(), checkVersion })
  })
}

function namesOf(outcomes: readonly ImportOutcome[], status: 'created' | 'updated'): string[] {
  return outcomes.flatMap((one) => (one.status === status ? [`${one.type}/${one.id}`] : []))
}

/** A type has no slash: the first one parts it from the id. */
function parsePosition(text: string): ResourceKey {
  const [, type, id] = /^([^/]+)\/(.+)$/.exec(text) ?? []
  if (type === undefined || id === undefined)
    throw new Refusal('invalid', 'The cursor is not one of this list.', 'cursor')
  return { type, id }
}

export function unknownResource(realmName: string, { type, id }: ResourceKey): Refusal {
  return new Refusal('not_found', `Realm ${realmName} has no ${type} ${id}.`, 'id')
}
