import type { Actor } from '../../domain/actor.ts'
import { requirePlatformAuthority } from '../../domain/authority.ts'
import type { Page } from '../../domain/page.ts'
import { beyondPolicy } from '../../domain/policy.ts'
import type { Realm } from '../../domain/realm.ts'
import { findPolicy } from '../../storage/policy.ts'
import { countOpenLeaks, findOverdueRotations } from '../../storage/realm-search.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from './named-realm.ts'
import { pageOfRealms, type RealmsAsked } from './realm-pages.ts'

/** A realm, and what of it needs somebody's attention. */
export interface RealmOverview {
  readonly realm: Realm
  /** Accounts with a leaked secret that somebody has to do something about. */
  readonly leaks: number
  /** Its key should have been rotated, and was not. */
  readonly isRotationOverdue: boolean
  /** It has a setting that the policy of the platform does not allow. */
  readonly isBeyondPolicy: boolean
}

/** Longer than the jobs that rotate need, also after a restart. */
const OVERDUE_MILLISECONDS = 3_600_000

export type RealmOverviews = ReturnType<typeof realmOverviews>

/** All realms, for platform administrators. */
export function realmOverviews({ db, clock, refusals }: Pick<Dependencies, 'db' | 'clock' | 'refusals'>) {
  async function withAttention(realms: readonly Realm[]): Promise<RealmOverview[]> {
    const now = clock()
    const ids = realms.map(({ id }) => id)
    const [leaks, overdue, { policy }] = await Promise.all([
      countOpenLeaks(db, ids, now),
      findOverdueRotations(db, ids, new Date(now.getTime() - OVERDUE_MILLISECONDS)),
      findPolicy(db),
    ])
    return realms.map((realm) => ({
      realm,
      leaks: leaks.get(realm.id) ?? 0,
      isRotationOverdue: overdue.has(realm.id),
      isBeyondPolicy: beyondPolicy(realm, policy).size > 0,
    }))
  }

  return {
    /** One page in order of name. With a search it may have fewer realms than its limit, and still a next page. @throws Refusal `forbidden` */
    listOverviews(actor: Actor, asked: RealmsAsked): Promise<Page<RealmOverview>> {
      return refusals.ofRead({ actor, action: 'realm.list' }, async () => {
        requirePlatformAuthority(actor)
        const { items, next } = await pageOfRealms(db, asked)
        return { items: await withAttention(items), next }
      })
    },

    /** @throws Refusal `forbidden`, `not_found` */
    findOverview(actor: Actor, name: string): Promise<RealmOverview> {
      return refusals.ofRead({ actor, action: 'realm.read', realm: name }, async () => {
        requirePlatformAuthority(actor)
        const [overview] = await withAttention([await realmNamed(db, name)])
        return overview as RealmOverview
      })
    },
  }
}
