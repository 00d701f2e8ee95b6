import type { AccessToken } from '../access-token.ts'
import type { RevocationCheck } from '../options.ts'
import { grants, requireRole, requireScope } from '../permissions.ts'
import type { Verifier } from '../verifier.ts'

/** What a route wants of a token beside being good. All of it has to hold. */
export interface Demand {
  /** Scopes, all of them. */
  readonly scopes: readonly string[]
  /** A role: on the whole realm, or on `target` where that is given. */
  readonly role?: string
  readonly target?: { readonly type: string; readonly id: string; readonly groups: readonly string[] }
  readonly check?: RevocationCheck
}

/** The proxy's configuration asks for something that the guard does not know. */
export class DemandError extends Error {
  override readonly name = 'DemandError'
}

const NAMES = new Set(['scope', 'role', 'type', 'id', 'group', 'check'])

/**
 * Reads a demand from a query: `scope` (repeated, or separated by spaces), `role`, `type` with `id` and `group`, `check`.
 * @throws DemandError for a name that is unknown, or a part without the others
 */
export function readDemand(query: URLSearchParams): Demand {
  for (const name of query.keys()) {
    if (!NAMES.has(name)) throw new DemandError(`the demand ${name} is unknown`)
    if (name !== 'scope' && name !== 'group' && query.getAll(name).length > 1)
      throw new DemandError(`the demand ${name} is there twice`)
  }
  const [role, type, id] = ['role', 'type', 'id'].map((name) => query.get(name) || undefined)
  if ((type === undefined) !== (id === undefined)) throw new DemandError('type and id go together')
  if (type !== undefined && role === undefined) throw new DemandError('type and id need a role')
  if (query.has('group') && type === undefined) throw new DemandError('group needs type and id')
  const check = readCheck(query.get('check'))
  return {
    scopes: query
      .getAll('scope')
      .flatMap((scope) => scope.split(' '))
      .filter(Boolean),
    ...(role !== undefined && { role }),
    ...(type !== undefined && id !== undefined && { target: { type, id, groups: query.getAll('group') } }),
    ...(check && { check }),
  }
}

function readCheck(value: string | null): RevocationCheck | undefined {
  if (value === null) return undefined
  if (value === 'introspect' || value === 'status-list') return value
  throw new DemandError('check is neither status-list nor introspect')
}

/** Whether the token itself shows that it meets the demand; nothing is asked. */
export function isMetBy({ scopes, role, target }: Demand, token: AccessToken): boolean {
  for (const scope of scopes) if (!token.scope.includes(scope)) return false
  if (role === undefined || token.roles.includes(role)) return true
  return target !== undefined && grants(token.authorizationDetails, target, role)
}

/** @throws TokenError where the token does not meet the demand */
export async function meet(demand: Demand, token: AccessToken, verifier: Verifier): Promise<void> {
  for (const scope of demand.scopes) requireScope(token, scope)
  if (demand.role === undefined) return
  if (demand.target) await verifier.requireRoleOn(token, demand.target, demand.role)
  else requireRole(token, demand.role)
}
