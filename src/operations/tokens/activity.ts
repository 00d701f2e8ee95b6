import {
  type AccountActivity,
  type AccountUse,
  type Activity,
  keptSince,
  type Period,
  type RealmActivity,
  startOf,
  withNeeded,
} from '../../domain/activity.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { listOrigins, listRefusalCounts } from '../../storage/activity-details.ts'
import { READERS_MAY_LAG } from '../../storage/commit-waits.ts'
import { inTransaction, isStatementTimeout } from '../../storage/database.ts'
import { findServiceAccount } from '../../storage/service-accounts.ts'
import { listBusiestClients, listTokenCounts, readTokenCounts } from '../../storage/token-counts.ts'
import { listAccountUses } from '../../storage/uses.ts'
import { unknownAccount } from '../accounts/account-changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { REALM_ITSELF } from './counted-hours.ts'

/** A page does not wait longer for the list of the busiest. */
const BRIEFLY = { statementMilliseconds: 500, ...READERS_MAY_LAG }

/** Last uses of an account. */
const USES = 20

/** Accounts in the list of the busiest. */
const BUSIEST = 20

export type ActivityReports = ReturnType<typeof activity>

/** How many tokens accounts and realms asked for. */
export function activity({ db, clock, refusals }: Pick<Dependencies, 'db' | 'clock' | 'refusals'>) {
  async function countsOf(realmId: string, clientId: string): Promise<Activity> {
    const of = { realmId, clientId }
    const [hour, day] = await Promise.all([
      listTokenCounts(db, of, 'hour', keptSince('hour', clock())),
      listTokenCounts(db, of, 'day', keptSince('day', clock())),
    ])
    return { hour, day }
  }

  return {
    /** @throws Refusal `forbidden`, `not_found` */
    ofAccount(actor: Actor, realmName: string, clientId: string): Promise<AccountActivity> {
      const attempt = { actor, action: 'service-account.read', realm: realmName, target: clientId } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const realm = await realmNamed(db, realmName)
        if (!(await findServiceAccount(db, realm.id, clientId))) throw unknownAccount(realmName, clientId)
        const of = { realmId: realm.id, clientId }
        const [counts, refusals, origins] = await Promise.all([
          countsOf(realm.id, clientId),
          listRefusalCounts(db, of, keptSince('day', clock())),
          listOrigins(db, of),
        ])
        return { ...counts, refusals, origins }
      })
    },

    /**
     * Tokens issued in the present hour and day, a few seconds late. @param clientId `undefined`: to all accounts of the realm
     * @throws Refusal `forbidden`, `not_found`
     */
    usedNow(
      actor: Actor,
      realmName: string,
      clientId: string = REALM_ITSELF,
    ): Promise<Readonly<Record<Period, number>>> {
      return refusals.ofRead({ actor, action: 'realm.read', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id: realmId } = await realmNamed(db, realmName)
        const [found] = await readTokenCounts(db, [{ realmId, clientId }], clock())
        return { hour: found?.hour.issued ?? 0, day: found?.day.issued ?? 0 }
      })
    },

    /** The last use of each credential. @throws Refusal `forbidden`, `not_found` */
    usesOf(actor: Actor, realmName: string, clientId: string): Promise<AccountUse[]> {
      const attempt = { actor, action: 'service-account.read', realm: realmName, target: clientId } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id: realmId } = await realmNamed(db, realmName)
        return listAccountUses(db, { realmId, clientId, limit: USES })
      })
    },

    /** @throws Refusal `forbidden`, `not_found` */
    ofRealm(actor: Actor, realmName: string): Promise<RealmActivity> {
      return refusals.ofRead({ actor, action: 'realm.read', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id, tokenLifetimeSeconds } = await realmNamed(db, realmName)
        const now = clock()
        const today = { day: startOf('day', now), limit: BUSIEST }
        const itself = { realmId: id, clientId: REALM_ITSELF }
        const [counts, refusals, busiest] = await Promise.all([
          countsOf(id, REALM_ITSELF),
          listRefusalCounts(db, itself, keptSince('day', now)),
          inTransaction(db, (trx) => listBusiestClients(trx, id, today), BRIEFLY).catch(unlessTooMany),
        ])
        return {
          ...counts,
          refusals,
          busiest: busiest?.map((client) => withNeeded(client, tokenLifetimeSeconds, now)),
        }
      })
    },
  }
}

/** A realm with very many accounts has no such figure. */
function unlessTooMany(error: unknown): undefined {
  if (!isStatementTimeout(error)) throw error
  return undefined
}
