import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { ResourceGrant, ResourceGrantKey } from '../../domain/grant.ts'
import { badCursor, type Page, pageOfRows } from '../../domain/page.ts'
import { isResourceKey, type ResourceKey } from '../../domain/protected-resource.ts'
import { findProtectedResource } from '../../storage/protected-resources.ts'
import { listResourceGrants } from '../../storage/resource-grants.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { unknownResource } from './protected-resources.ts'

export interface ResourceGrantQuery {
  /** The `next` of the page before. */
  readonly after?: string | undefined
  readonly limit: number
  readonly role?: string | undefined
}

/** The reverse question: who may do what on a resource. */
export function resourceGrants({ db, refusals }: Pick<Dependencies, 'db' | 'refusals'>) {
  return {
    /**
     * Grants on the resource itself and on the groups that it is in, in order of client_id.
     * @throws Refusal `forbidden`, `not_found`; `invalid` for an `after` that this list did not return
     */
    listOn(
      actor: Actor,
      realmName: string,
      key: ResourceKey,
      { after, limit, role }: ResourceGrantQuery,
    ): Promise<Page<ResourceGrant>> {
      return refusals.ofRead({ actor, action: 'grant.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        const resource = isResourceKey(key) ? await findProtectedResource(db, id, key) : undefined
        if (!resource) throw unknownResource(realmName, key)
        const position = after === undefined ? undefined : parsePosition(after)
        const filter = { after: position, limit: limit + 1, role }
        return pageOfRows(await listResourceGrants(db, id, resource, filter), limit, positionOf)
      })
    },
  }
}

function positionOf({ clientId, role, type, id }: ResourceGrantKey): string {
  return `${clientId}/${role}/${type}/${id}`
}

/** Only an id may contain a slash; what a role would contain is not told apart, and reads as another place. */
function parsePosition(text: string): ResourceGrantKey {
  const [, clientId, role, type, id] = /^([^/]+)\/([^/]+)\/([^/]+)\/(.+)$/.exec(text) ?? []
  if (clientId === undefined || role === undefined || type === undefined || id === undefined)
    throw badCursor()
  return { clientId, role, type, id }
}
