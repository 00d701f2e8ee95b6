import { newId } from '../../crypto/identifier.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { type IssuerRefusal, MAX_REFUSALS, strangersText } from '../../domain/issuer-refusal.ts'
import type { PlatformTokenFault } from '../../domain/platform-token.ts'
import { Refusal } from '../../domain/refusal.ts'
import { READERS_MAY_LAG } from '../../storage/commit-waits.ts'
import { inTransaction } from '../../storage/database.ts'
import { insertIssuerRefusals, listIssuerRefusals, type NotedRefusal } from '../../storage/issuer-refusals.ts'
import { findTrustedIssuer } from '../../storage/trusted-issuers.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'

/** Issuers whose refusals are remembered between two writes. */
const MAX_ISSUERS = 1000

/** A refused token, as the road of tokens knows it. */
export interface RefusedToken {
  readonly realmId: string
  /** `undefined`: the realm trusts no issuer of its name. */
  readonly issuerId: string | undefined
  readonly reason: PlatformTokenFault
  readonly subject: unknown
  readonly clientId: string | undefined
  readonly address: string
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'refusals'>

export type IssuerRefusals = ReturnType<typeof issuerRefusals>

/** Tokens of trusted issuers that were refused. They gather in memory, and are written every few seconds. */
export function issuerRefusals({ db, clock, refusals }: Deps) {
  let noted = new Map<string, NotedRefusal[]>()
  const counts = new Map<PlatformTokenFault, number>()

  return {
    /** Never waits and never fails. */
    note({ realmId, issuerId, reason, subject, clientId, address }: RefusedToken): void {
      counts.set(reason, (counts.get(reason) ?? 0) + 1)
      if (issuerId === undefined) return
      const key = `${realmId} ${issuerId}`
      const known = noted.get(key)
      if (!known && noted.size >= MAX_ISSUERS) return
      const list = known ?? []
      list.push({
        id: newId(),
        realmId,
        issuerId,
        at: clock(),
        reason,
        subject: strangersText(subject),
        clientId: strangersText(clientId),
        address,
      })
      if (list.length > MAX_REFUSALS) list.shift()
      noted.set(key, list)
    },

    /** Refusals since the start, by reason. */
    count: (): ReadonlyMap<PlatformTokenFault, number> => counts,

    /** Writes what was noted, and returns how many. What fails is tried again. */
    async write(): Promise<number> {
      const batch = noted
      noted = new Map()
      const rows = [...batch.values()].flat()
      if (rows.length === 0) return 0
      try {
        await inTransaction(db, (trx) => insertIssuerRefusals(trx, rows, MAX_REFUSALS), READERS_MAY_LAG)
        return rows.length
      } catch (error) {
        for (const [key, list] of batch)
          noted.set(key, [...list, ...(noted.get(key) ?? [])].slice(-MAX_REFUSALS))
        throw error
      }
    },

    /** The last ones, newest first. @throws Refusal `forbidden`, `not_found` */
    list(actor: Actor, realmName: string, id: string): Promise<IssuerRefusal[]> {
      const attempt = { actor, action: 'trusted-issuer.read', realm: realmName, target: id } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const realm = await realmNamed(db, realmName)
        if (!(await findTrustedIssuer(db, realm.id, id)))
          throw new Refusal('not_found', `The realm has no trusted issuer ${id}.`, 'id')
        return listIssuerRefusals(db, realm.id, id, MAX_REFUSALS)
      })
    },
  }
}
