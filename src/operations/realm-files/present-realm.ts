import type { Actor } from '../../domain/actor.ts'
import { isKeyValid } from '../../domain/client-key.ts'
import type { Grant } from '../../domain/grant.ts'
import type { Page } from '../../domain/page.ts'
import type { ProtectedResource } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { Webhook } from '../../domain/webhook.ts'
import type { WorkloadIdentity } from '../../domain/workload-identity.ts'
import type { Database } from '../../storage/database.ts'
import { findAccountContents } from '../../storage/realm-contents.ts'
import { realmToWire } from '../../wire/realm.ts'
import { clientKeyToWire, serviceAccountToWire } from '../../wire/service-account.ts'
import { trustedIssuerToWire } from '../../wire/trusted-issuer.ts'
import { ruleToWire } from '../../wire/workload-identity.ts'
import type { FileOperations } from './file-operations.ts'
import {
  ACCOUNT_NAMES,
  ISSUER_NAMES,
  type RealmFileAccount,
  type RealmFileIssuer,
  type RealmFileResource,
  SETTING_NAMES,
} from './realm-file-schema.ts'
import type { RealmFileWebhook } from './realm-file-values.ts'
import { pick } from './realm-plan.ts'

/** What a present realm is read with. */
export interface RealmReader {
  readonly operations: FileOperations
  readonly db: Database
  readonly actor: Actor
  readonly now: Date
  readonly realm: Realm
}

const PAGE = 500

export async function* itemsOf<T>(read: (after: string | undefined) => Promise<Page<T>>): AsyncGenerator<T> {
  let after: string | undefined
  do {
    const page = await read(after)
    yield* page.items
    after = page.next
  } while (after !== undefined)
}

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export function settingsToFile(realm: Realm): Record<string, unknown> {
  return pick(realmToWire(realm, ''), SETTING_NAMES)
}

export function issuerToFile(issuer: TrustedIssuer): RealmFileIssuer {
  const required = issuer.requiredClaims.map(pathToFile)
  return {
    ...(pick(trustedIssuerToWire(issuer), ISSUER_NAMES) as RealmFileIssuer),
    required_claims: required,
  }
}

/** A path of one name is the name. */
export function pathToFile(path: string | readonly string[]): string | string[] {
  const [name, ...others] = [path].flat() as string[]
  return name !== undefined && others.length === 0 ? name : [...path]
}

export function resourceToFile({ type, id, name, groups }: ProtectedResource): RealmFileResource {
  return { type, id, name, groups: [...groups] }
}

export function webhookToFile({ url, description, events, enabled }: Webhook): RealmFileWebhook {
  return { url, description, events: [...events], enabled }
}

/** Members of an account's own row. */
export function accountToFile(account: ServiceAccount): RealmFileAccount {
  const wire = serviceAccountToWire(account, '')
  const expires_at = wire.expires_at?.toISOString() ?? null
  return pick({ ...wire, expires_at }, ACCOUNT_NAMES) as RealmFileAccount
}

/** Trusted issuers, but for those that are being deleted. */
export async function presentIssuers({ operations, actor, realm }: RealmReader): Promise<TrustedIssuer[]> {
  const all = await operations.trustedIssuers.list(actor, realm.name)
  return all.filter(({ ending }) => ending !== 'delete')
}

export function presentResources({
  operations,
  actor,
  realm,
}: RealmReader): AsyncGenerator<ProtectedResource> {
  return itemsOf((after) => operations.resources.list(actor, realm.name, { after, limit: PAGE }))
}

export function presentAccounts({ operations, actor, realm }: RealmReader): AsyncGenerator<ServiceAccount> {
  return itemsOf((after = '') => operations.accounts.list(actor, realm.name, { after, limit: PAGE }))
}

/** An account with what belongs to it. */
export interface PresentAccount {
  readonly account: ServiceAccount
  readonly keys: readonly FileKey[]
  readonly identities: readonly WorkloadIdentity[]
  readonly grants: readonly Grant[]
}

export type FileKey = NonNullable<RealmFileAccount['keys']>[number] & { readonly kid: string }

export async function withContents(
  reader: RealmReader,
  accounts: readonly ServiceAccount[],
): Promise<PresentAccount[]> {
  const { operations, db, actor, now, realm } = reader
  const clientIds = accounts.map(({ clientId }) => clientId)
  const contents = await findAccountContents(db, realm.id, clientIds)
  const byId = new Map(contents.map((one) => [one.clientId, one]))
  const found: PresentAccount[] = []
  for (const account of accounts) {
    const { clientId } = account
    const has = byId.get(clientId)
    const keys = has?.keys ? await operations.clientKeys.list(actor, realm.name, clientId) : []
    const valid = keys.filter((key) => isKeyValid(key, now)).map(keyToFile)
    found.push({
      account,
      keys: valid.sort((a, b) => (a.kid < b.kid ? -1 : 1)),
      identities: has?.identities
        ? await operations.workloadIdentities.list(actor, realm.name, clientId)
        : [],
      grants: has?.grants ? await grantsOf(reader, clientId) : [],
    })
  }
  return found
}

async function grantsOf({ operations, actor, realm }: RealmReader, clientId: string): Promise<Grant[]> {
  const read = (after: string | undefined) =>
    operations.grants.list(actor, realm.name, clientId, { after, limit: PAGE })
  return allOf(itemsOf(read))
}

function keyToFile(key: Parameters<typeof clientKeyToWire>[0]): FileKey {
  const { kid, name, expires_at: end, jwk } = clientKeyToWire(key)
  return { kid, name, expires_at: end === null ? null : end.toISOString(), jwk }
}

function ruleToFile(rule: Parameters<typeof ruleToWire>[0]): Record<string, unknown> {
  const { claim, ...others } = ruleToWire(rule)
  return { claim: pathToFile(claim), ...others }
}

/** @param issuers by their ids; those of an issuer that is being deleted are left out */
export function identitiesToFile(
  identities: readonly WorkloadIdentity[],
  issuers: ReadonlyMap<string, string>,
): NonNullable<RealmFileAccount['workload_identities']> {
  const found = identities.flatMap(({ issuerId, name, rules }) => {
    const issuer = issuers.get(issuerId)
    return issuer === undefined ? [] : [{ trusted_issuer: issuer, name, rules: rules.map(ruleToFile) }]
  })
  return found.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
