import type { ForeignKey } from '../../domain/foreign-key.ts'
import type { ShadowCount, ShadowReason, ShadowReport } from '../../domain/shadow.ts'
import type { Operations } from '../../operations/operations.ts'
import type { AdminApi } from './admin-api.ts'
import { fromWire, pageFromWire, pathOf, toWire } from './wire.ts'

/** What a realm in shadow mode would have answered. */
export function remoteShadow({ ask }: AdminApi): Partial<Operations['shadow']> {
  return {
    report: async (_actor, realm) => {
      const { body } = await ask('GET', pathOf('realms', realm, 'shadow'))
      const { totals, refused } = body as { totals: Record<ShadowReason, number>; refused: unknown[] }
      return {
        ...fromWire<ShadowReport>(body),
        // A reason is a name of its own, not a member.
        totals: new Map(Object.entries(totals)) as ShadowReport['totals'],
        refused: refused.map(toCount),
      }
    },
    reset: async (_actor, realm) => void (await ask('DELETE', pathOf('realms', realm, 'shadow'))),
  }
}

/** Without a client_id: of no known account. */
function toCount(body: unknown): ShadowCount {
  const count = fromWire<ShadowCount>(body)
  return { ...count, clientId: count.clientId ?? '' }
}

/** Keys of the server that a realm was moved from. */
export function remoteForeignKeys({ ask }: AdminApi): Partial<Operations['foreignKeys']> {
  const path = (realm: string) => pathOf('realms', realm, 'foreign-keys')
  return {
    list: async (_actor, realm) => pageFromWire((await ask('GET', path(realm))).body, toKey).items,
    publish: async (_actor, realm, sent) => {
      const { body } = await ask('POST', path(realm), { body: toWire(sent) })
      const { items, notes } = body as { items: unknown[]; notes: string[] }
      return { keys: items.map(toKey), notes }
    },
    withdraw: async (_actor, realm, kid) => void (await ask('DELETE', path(realm) + pathOf(kid))),
  }
}

function toKey(body: unknown): ForeignKey {
  const { until } = body as { until: string }
  return { ...fromWire<ForeignKey>(body), endsAt: new Date(until) }
}
