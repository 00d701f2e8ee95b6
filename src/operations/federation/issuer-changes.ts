import { isDeepStrictEqual } from 'node:util'
import { type ChangeAction, done } from '../../domain/audit-event.ts'
import { issuerOf, type Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { endingOf, type IssuerSettings, type TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { listTrustedIssuers, updateRealmVersion, updateTrustedIssuer } from '../../storage/trusted-issuers.ts'
import { isIssuerBound } from '../../storage/workload-identities.ts'
import type { ChangeScope } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'

type Deps = Pick<Dependencies, 'publicUrl'>

/** A change of trusted issuers; the realm is locked. */
export interface Held extends ChangeScope {
  readonly realm: Realm
  readonly now: Date
}

/** @throws Refusal `invalid`, `conflict` */
export async function changeIssuer(
  deps: Deps,
  held: Held,
  before: TrustedIssuer,
  settings: IssuerSettings,
): Promise<TrustedIssuer> {
  const { trx, realm, now } = held
  if (before.ending === 'delete') throw new Refusal('conflict', 'The trusted issuer is being deleted.')
  const present = settingsOf(before)
  if (isDeepStrictEqual(settings, present)) return before
  checkOther(
    deps,
    realm,
    settings,
    (await listTrustedIssuers(trx, realm.id)).filter(({ id }) => id !== before.id),
  )
  const isMoved =
    settings.issuer !== before.issuer || !isDeepStrictEqual(settings.requiredClaims, before.requiredClaims)
  if (isMoved && (await isIssuerBound(trx, realm.id, before.id)))
    throw new Refusal(
      'conflict',
      'issuer and required_claims stay while workload identities are bound to it, for tokens are looked up by them: delete these first, or trust the other issuer beside it.',
      settings.issuer === before.issuer ? 'required_claims' : 'issuer',
    )
  const ending = endingOf(before, settings)
  const changed = { ...settings, id: before.id, ending }
  const issuer = await updateTrustedIssuer(trx, realm.id, changed, now)
  const details = {
    before: changes(shown(before), shown(issuer)),
    after: changes(shown(issuer), shown(before)),
  }
  await record(held, 'trusted-issuer.update', issuer, details)
  return issuer
}

export async function record(
  { trx, realm, actor, now }: Held,
  action: ChangeAction,
  { id, issuer }: TrustedIssuer,
  details: Record<string, unknown>,
): Promise<void> {
  // Every node reads the issuers again at its next request.
  await updateRealmVersion(trx, realm.id)
  await insertAuditEvent(trx, realm, done(actor, action, id, { issuer, ...details }), now)
}

/** Refuses the realm itself, and an issuer that it trusts already. @throws Refusal `invalid`, `conflict` */
export function checkOther(
  { publicUrl }: Deps,
  { name }: Realm,
  { issuer }: IssuerSettings,
  others: readonly TrustedIssuer[],
): void {
  if (issuer === issuerOf(publicUrl, name))
    throw new Refusal(
      'invalid',
      'A realm cannot trust itself: its own tokens would make new ones for ever.',
      'issuer',
    )
  const same = others.find((one) => one.issuer === issuer)
  if (same)
    throw new Refusal('conflict', `The realm trusts this issuer already: its id is ${same.id}.`, 'issuer')
}

function settingsOf(issuer: TrustedIssuer): IssuerSettings {
  const { id, ending, version, createdAt, updatedAt, ...settings } = issuer
  return settings
}

/** Settings in the audit trail. Keys are public, but many. */
export function shown({ keys, ...issuer }: TrustedIssuer): Record<string, unknown> {
  const { id, ending, version, createdAt, updatedAt, ...settings } = issuer
  const source =
    keys.kind === 'jwks' ? { kids: keys.keys.map(({ kid }) => kid ?? null) } : { address: keys.address }
  return { ...settings, keys: { source: keys.kind, ...source } }
}

function changes(one: Record<string, unknown>, other: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(one).filter(([name, value]) => !isDeepStrictEqual(value, other[name])),
  )
}
