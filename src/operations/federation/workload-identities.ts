import { newId } from '../../crypto/identifier.ts'
import { pinHash } from '../../crypto/platform-keys.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { MAX_IDENTITIES, parseIdentity, type WorkloadIdentity } from '../../domain/workload-identity.ts'
import { deleteCredentials } from '../../storage/credentials.ts'
import { findServiceAccount, updateServiceAccount } from '../../storage/service-accounts.ts'
import { findTrustedIssuer } from '../../storage/trusted-issuers.ts'
import {
  countWorkloadIdentities,
  insertWorkloadIdentity,
  listWorkloadIdentities,
} from '../../storage/workload-identities.ts'
import { attemptOf, changeAccount, unknownAccount } from '../accounts/account-changes.ts'
import { replaceStatusIndex } from '../accounts/status-indexes.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'

export interface NewWorkloadIdentity {
  /** Id of the trusted issuer. */
  readonly trustedIssuer: string
  readonly rules: unknown
  readonly name?: string | undefined
}

/** A new identity, and the version of its account by then. */
export interface AddedWorkloadIdentity {
  readonly identity: WorkloadIdentity
  readonly accountVersion: number
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'refusals'>

export type WorkloadIdentities = ReturnType<typeof workloadIdentities>

/** Which tokens of trusted issuers get in as a service account. They count while its auth_methods have federated. */
export function workloadIdentities(deps: Deps) {
  const { db, refusals } = deps

  function list(actor: Actor, realmName: string, clientId: string): Promise<WorkloadIdentity[]> {
    const action = 'service-account.list-workload-identities'
    return refusals.ofRead({ actor, action, realm: realmName, target: clientId }, async () => {
      requireAuthority(actor, realmName, 'view')
      const { id } = await realmNamed(db, realmName)
      const found = await listWorkloadIdentities(db, id, clientId)
      if (found.length === 0 && !(await findServiceAccount(db, id, clientId)))
        throw unknownAccount(realmName, clientId)
      return found
    })
  }

  return {
    /** The newest first. @throws Refusal `forbidden`, `not_found` */
    list,

    /** @throws Refusal `forbidden`, `not_found` */
    async find(actor: Actor, realmName: string, clientId: string, id: string): Promise<WorkloadIdentity> {
      return identityNamed(await list(actor, realmName, clientId), id)
    },

    /** @throws Refusal `forbidden`, `not_found`, `invalid`, `conflict`, `limit_reached` */
    create(
      actor: Actor,
      realmName: string,
      clientId: string,
      asked: NewWorkloadIdentity,
    ): Promise<AddedWorkloadIdentity> {
      const about = { actor, action: 'workload-identity.add', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async ({ trx, realm, now, note }) => {
          const issuer = await findTrustedIssuer(trx, realm.id, asked.trustedIssuer)
          if (!issuer) throw unknownIssuer()
          if (issuer.ending === 'delete')
            throw new Refusal('conflict', 'The trusted issuer is being deleted.', 'trusted_issuer')
          const { rules, name, pins } = parseIdentity(asked, issuer.requiredClaims)
          if ((await countWorkloadIdentities(trx, realm.id, clientId)) >= MAX_IDENTITIES) throw full()
          const made = { id: newId(), clientId, issuerId: issuer.id, rules, name, createdAt: now }
          await insertWorkloadIdentity(trx, realm.id, made, pins.map(pinHash))
          note({ ...noteOf(made), issuer: issuer.issuer })
          const { version } = await updateServiceAccount(trx, realm.id, clientId, { updatedAt: now })
          const identity = { ...made, preset: issuer.preset, lastUsedAt: undefined }
          return { identity, accountVersion: version }
        }),
      )
    },

    /** No token gets in by it from then on, and those that the account has got so far end. @throws Refusal `not_found` */
    delete(actor: Actor, realmName: string, clientId: string, id: string): Promise<void> {
      const about = { actor, action: 'workload-identity.delete', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const { trx, realm, now, note } = context
          const identity = identityNamed(await listWorkloadIdentities(trx, realm.id, clientId), id)
          await deleteCredentials(trx, realm.id, { table: 'workload_identities', clientId, id })
          note(noteOf(identity))
          const changes = { statusIndex: await replaceStatusIndex(context) }
          await updateServiceAccount(trx, realm.id, clientId, { ...changes, updatedAt: now })
        }),
      )
    },
  }
}

/** In the audit trail. */
function noteOf({
  id,
  issuerId,
  rules,
  name,
}: Pick<WorkloadIdentity, 'id' | 'issuerId' | 'rules' | 'name'>): Record<string, unknown> {
  return { workload_identity: id, trusted_issuer: issuerId, rules, identity_name: name }
}

function identityNamed(identities: readonly WorkloadIdentity[], id: string): WorkloadIdentity {
  const identity = identities.find((one) => one.id === id)
  if (!identity) throw new Refusal('not_found', `The service account has no workload identity ${id}.`, 'id')
  return identity
}

function unknownIssuer(): Refusal {
  return new Refusal(
    'invalid',
    'trusted_issuer must be the id of a trusted issuer of the realm.',
    'trusted_issuer',
  )
}

function full(): Refusal {
  return new Refusal(
    'limit_reached',
    `The service account has ${MAX_IDENTITIES} workload identities, which is the limit: delete one that is no longer used.`,
    undefined,
    MAX_IDENTITIES,
  )
}
