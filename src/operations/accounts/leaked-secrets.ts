import { hmacOf, isGeneratedSecret } from '../../crypto/client-secret.ts'
import { type Actor, SERVER_ACTOR } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { LeakedSecretReport, OpenLeak } from '../../domain/leaked-secret.ts'
import { UnknownRealmError } from '../../domain/oauth-error.ts'
import { type Realm, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import { findClientSecretsByHmac, updateClientSecretExpiry } from '../../storage/client-secrets.ts'
import { isRoleHeld } from '../../storage/held-roles.ts'
import { insertLeakedSecret, listOpenLeaks } from '../../storage/leaked-secrets.ts'
import { findRealmById, findRealmByName } from '../../storage/realms.ts'
import { updateServiceAccount } from '../../storage/service-accounts.ts'
import { tellWebhooks } from '../../storage/webhook-events.ts'
import { throwUnavailable } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { changeAccount, unknownAccount } from './account-changes.ts'
import { replaceStatusIndex } from './status-indexes.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'verifierKey' | 'log' | 'refusals'>

export type LeakedSecrets = ReturnType<typeof leakedSecrets>

export function leakedSecrets(deps: Deps) {
  const { db, clock, verifierKey } = deps
  let count = 0

  async function report(
    realmName: string | undefined,
    reports: readonly LeakedSecretReport[],
    address: string,
  ): Promise<number> {
    const named = realmName === undefined ? undefined : await findRealmByName(db, realmName)
    if (realmName !== undefined && !named) throw new UnknownRealmError(`no realm ${realmName}`)
    // An imported secret has no HMAC that it could be found by.
    const byHmac = new Map(
      reports
        .filter(({ token }) => isGeneratedSecret(token))
        .map((report) => [hmacOf(report.token, verifierKey).toString('hex'), report]),
    )
    const found = await findClientSecretsByHmac(db, named?.id, [...byHmac.keys()])
    const valid = found.filter(({ expiresAt }) => !expiresAt || expiresAt > clock())
    for (const secret of valid) {
      // The account was deleted meanwhile, and its secrets with it.
      const realm = named ?? (await findRealmById(db, secret.realmId))
      if (realm)
        await act(deps, realm, secret, { ...(byHmac.get(secret.hmac) as LeakedSecretReport), address })
    }
    count += valid.length
    return valid.length
  }

  return {
    /**
     * Handles secrets found in public. Valid ones are revoked with all tokens of their accounts, or only reported, as the
     * realm is configured. Each leaves an audit event.
     * @param realmName `undefined`: search all realms
     * @returns how many were valid; for the log only
     * @throws UnknownRealmError
     * @throws OAuthError `temporarily_unavailable`
     */
    report(
      realmName: string | undefined,
      reports: readonly LeakedSecretReport[],
      address: string,
    ): Promise<number> {
      return report(realmName, reports, address).catch(throwUnavailable)
    },

    /**
     * Leaks that somebody has to do something about: the secret still works, or its account has no other that lasts.
     * @param clientId `undefined`: of the whole realm, newest first
     * @throws Refusal `forbidden`, `not_found`
     */
    listOpen(actor: Actor, realmName: string, clientId?: string): Promise<OpenLeak[]> {
      const attempt = { actor, action: 'service-account.list-secrets', realm: realmName } as const
      return deps.refusals.ofRead({ ...attempt, target: clientId }, async () => {
        requireAuthority(actor, realmName, 'view')
        return listOpenLeaks(db, (await realmNamed(db, realmName)).id, { clientId, now: clock() })
      })
    },

    /** Reported secrets that were valid, since the start. */
    count: () => count,
  }
}

type Found = Awaited<ReturnType<typeof findClientSecretsByHmac>>[number]

async function act(
  deps: Deps,
  realm: Realm,
  { clientId, id, createdAt }: Found,
  { url, source, address }: LeakedSecretReport & { readonly address: string },
): Promise<void> {
  const actor = { ...SERVER_ACTOR, id: 'leaked-secrets', address }
  const about = { actor, action: 'service-account.leaked-secret', realmName: realm.name, clientId } as const
  const disabled = realm.leakedSecretAction === 'disable'
  await changeAccount(deps, about, async (context) => {
    const { trx, account, now, note } = context
    if (context.realm.id !== realm.id) throw unknownAccount(realm.name, clientId)
    note({ secret: id, url, source, disabled })
    await insertLeakedSecret(trx, realm.id, { clientId, secretId: id, url, source, foundAt: now })
    const data = { client_id: clientId, name: account.name, secret_id: id, url, source, revoked: disabled }
    await tellWebhooks(trx, { realm, now }, [{ type: 'secret.leaked', occurrence: id, data }])
    if (!disabled) return
    // The end lies in the past, so that it has passed by every node's clock.
    await updateClientSecretExpiry(trx, realm.id, clientId, { id, expiresAt: createdAt })
    const statusIndex = await replaceStatusIndex(context)
    await updateServiceAccount(trx, realm.id, clientId, { statusIndex, updatedAt: now })
    if (realm.name !== SYSTEM_REALM || !account.roles.includes(PLATFORM_ADMIN)) return
    if (await isRoleHeld(trx, { realmId: realm.id, role: PLATFORM_ADMIN, now })) return
    // Revoked even where the realm only reports: its finder could administer the platform.
    note({ last_administrator: true })
    deps.log(
      `the secret of the last platform administrator was found in public and has ended; run mintmark ` +
        `service-account reset-secret --realm ${SYSTEM_REALM} ${clientId}`,
    )
  }).catch((error: unknown) => {
    // Deleted meanwhile, which revokes it, too.
    if (!(error instanceof Refusal) || error.code !== 'not_found') throw error
  })
}
