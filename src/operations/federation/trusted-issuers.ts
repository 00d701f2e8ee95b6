import { newId } from '../../crypto/identifier.ts'
import type { Actor } from '../../domain/actor.ts'
import type { ChangeAction } from '../../domain/audit-event.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import { type Realm, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { MAX_ISSUERS, type TrustedIssuer } from '../../domain/trusted-issuer.ts'
import {
  findTrustedIssuer,
  insertTrustedIssuer,
  listTrustedIssuers,
  lockTrustedIssuer,
  updateTrustedIssuer,
} from '../../storage/trusted-issuers.ts'
import { countBoundAccounts } from '../../storage/workload-identities.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed, realmNamed } from '../realms/named-realm.ts'
import type { EndOfTrust } from './end-of-trust.ts'
import { changeIssuer, checkOther, type Held, record, shown } from './issuer-changes.ts'
import { readChangedIssuer, readNewIssuer, type SentSettings } from './sent-issuer.ts'

/** A changed issuer, and what to tell the administrator of it. */
export interface ChangedIssuer {
  readonly issuer: TrustedIssuer
  readonly notes: readonly string[]
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'refusals'>

export type TrustedIssuers = ReturnType<typeof trustedIssuers>

/** Platforms whose tokens a realm accepts. A change is in force at the next request on every node. */
export function trustedIssuers(deps: Deps, { finish }: Pick<EndOfTrust, 'finish'>) {
  const { db, refusals } = deps

  return {
    /** In order of their issuer. @throws Refusal `forbidden`, `not_found` */
    list(actor: Actor, realmName: string): Promise<TrustedIssuer[]> {
      return refusals.ofRead({ actor, action: 'trusted-issuer.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        return listTrustedIssuers(db, (await realmNamed(db, realmName)).id)
      })
    },

    /** @throws Refusal `forbidden`, `not_found` */
    find(actor: Actor, realmName: string, id: string): Promise<TrustedIssuer> {
      const attempt = { actor, action: 'trusted-issuer.read', realm: realmName, target: id } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const issuer = await findTrustedIssuer(db, (await realmNamed(db, realmName)).id, id)
        return issuer ?? refuseUnknown(id)
      })
    },

    /** How many accounts lose their tokens with it. @throws Refusal `forbidden`, `not_found` */
    countAccounts(actor: Actor, realmName: string, id: string): Promise<number> {
      const attempt = { actor, action: 'trusted-issuer.read', realm: realmName, target: id } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        return countBoundAccounts(db, (await realmNamed(db, realmName)).id, id)
      })
    },

    /** @throws Refusal `forbidden`, `not_found`, `invalid`, `conflict`, `limit_reached` */
    create(actor: Actor, realmName: string, sent: SentSettings): Promise<ChangedIssuer> {
      const about = { actor, action: 'trusted-issuer.create', realm: realmName, target: sent.issuer } as const
      return change(about, async (held) => {
        const { trx, realm, now } = held
        held.checkVersion(null, 'the list')
        const { settings, notes } = readNewIssuer(sent)
        const others = await listTrustedIssuers(trx, realm.id)
        if (others.length >= MAX_ISSUERS) throw full(realm)
        checkOther(deps, realm, settings, others)
        const issuer = await insertTrustedIssuer(trx, realm.id, { ...settings, id: newId() }, now)
        await record(held, 'trusted-issuer.create', issuer, shown(issuer))
        return { issuer, notes }
      })
    },

    /**
     * Changes settings; absent members stay. An issuer that is disabled, or gets other keys, ends the tokens of the accounts
     * that it is bound to: `ending` while that is not yet done.
     * @throws Refusal `forbidden`, `not_found`, `invalid`, `conflict`, `changed_meanwhile`
     */
    async update(actor: Actor, realmName: string, id: string, sent: SentSettings): Promise<ChangedIssuer> {
      const about = { actor, action: 'trusted-issuer.update', realm: realmName, target: id } as const
      const { realm, issuer, notes } = await change(about, async (held) => {
        const before = await lockIssuer(held, id)
        const read = readChangedIssuer(before, sent)
        const issuer = await changeIssuer(deps, held, before, read.settings)
        return { realm: held.realm, issuer, notes: read.notes }
      })
      return { issuer: (await finish(realm, issuer)) ?? refuseUnknown(id), notes }
    },

    /**
     * From then on no token of it is accepted. The accounts that it is bound to lose their tokens and these workload
     * identities; then it is gone.
     * @returns whether all of it is done
     * @throws Refusal `forbidden`, `not_found`, `changed_meanwhile`
     */
    async delete(actor: Actor, realmName: string, id: string): Promise<boolean> {
      const about = { actor, action: 'trusted-issuer.delete', realm: realmName, target: id } as const
      const { realm, issuer } = await change(about, async (held) => {
        const before = await lockIssuer(held, id)
        const { trx, realm, now } = held
        if (before.ending === 'delete') return { realm, issuer: before }
        const ending = { ...before, enabled: false, ending: 'delete' } as const
        const issuer = await updateTrustedIssuer(trx, realm.id, ending, now)
        await record(held, 'trusted-issuer.delete', issuer, shown(before))
        return { realm, issuer }
      })
      return (await finish(realm, issuer)) === undefined
    },
  }

  function change<T>(
    attempt: {
      readonly actor: Actor
      readonly action: ChangeAction
      readonly realm: string
      readonly target?: unknown
    },
    work: (held: Held) => Promise<T>,
  ): Promise<T> {
    const { actor, realm: realmName } = attempt
    const permit = (by: Actor) => {
      requireAuthority(by, realmName, 'administer')
      // Its issuer decides who is a platform administrator.
      if (realmName === SYSTEM_REALM) requirePlatformAuthority(by)
    }
    return refusals.ofChange(attempt, () =>
      inChange(deps, { actor, permit, realmName }, async (scope) => {
        const realm = await lockRealmNamed(scope.trx, realmName)
        return work({ ...scope, realm, now: deps.clock() })
      }),
    )
  }
}

async function lockIssuer({ trx, realm, checkVersion }: Held, id: string): Promise<TrustedIssuer> {
  const issuer = (await lockTrustedIssuer(trx, realm.id, id)) ?? refuseUnknown(id)
  checkVersion(String(issuer.version), 'the trusted issuer')
  return issuer
}

function full({ name }: Realm): Refusal {
  const text = `Realm ${name} trusts ${MAX_ISSUERS} issuers, which is the limit: delete one that is no longer used.`
  return new Refusal('limit_reached', text, undefined, MAX_ISSUERS)
}

function refuseUnknown(id: string): never {
  throw new Refusal('not_found', `The realm has no trusted issuer ${id}.`, 'id')
}
