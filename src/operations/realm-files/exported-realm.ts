import { Refusal } from '../../domain/refusal.ts'
import {
  accountToFile,
  allOf,
  identitiesToFile,
  issuerToFile,
  presentAccounts,
  presentIssuers,
  presentResources,
  type RealmReader,
  resourceToFile,
  settingsToFile,
  webhookToFile,
  withContents,
} from './present-realm.ts'
import { MAX_ACCOUNTS, MAX_RESOURCES } from './realm-file-limits.ts'
import type { RealmFile, RealmFileAccount } from './realm-file-schema.ts'
import type { RealmFileWebhook } from './realm-file-values.ts'

/** Accounts whose contents are read at once. */
const CHUNK = 500

/** All of a realm that a file may have. @throws Refusal `limit_reached` */
export async function exportedRealm(reader: RealmReader): Promise<RealmFile> {
  const { realm } = reader
  if (realm.serviceAccountCount > MAX_ACCOUNTS) throw tooLarge(realm.name, 'service accounts', MAX_ACCOUNTS)
  const issuers = await presentIssuers(reader)
  const resources = []
  for await (const resource of presentResources(reader)) {
    if (resources.length === MAX_RESOURCES) throw tooLarge(realm.name, 'resources', MAX_RESOURCES)
    resources.push(resourceToFile(resource))
  }
  return {
    realm: realm.name,
    ...settingsToFile(realm),
    webhooks: await exportedWebhooks(reader),
    trusted_issuers: issuers.map(issuerToFile),
    resources,
    service_accounts: await exportedAccounts(reader, new Map(issuers.map(({ id, issuer }) => [id, issuer]))),
  }
}

/** In order of their addresses: several may have one. */
async function exportedWebhooks({ operations, actor, realm }: RealmReader): Promise<RealmFileWebhook[]> {
  const all = (await operations.webhooks.list(actor, realm.name)).map(webhookToFile)
  return all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

async function exportedAccounts(
  reader: RealmReader,
  issuers: ReadonlyMap<string, string>,
): Promise<RealmFileAccount[]> {
  const all = await allOf(presentAccounts(reader))
  all.sort((a, b) => (a.clientId < b.clientId ? -1 : 1))
  const exported: RealmFileAccount[] = []
  for (let start = 0; start < all.length; start += CHUNK)
    for (const one of await withContents(reader, all.slice(start, start + CHUNK)))
      exported.push({
        ...accountToFile(one.account),
        keys: [...one.keys],
        workload_identities: identitiesToFile(one.identities, issuers),
        grants: one.grants.map(({ role, type, id }) => ({ role, type, id })),
      })
  return exported
}

function tooLarge(realm: string, what: string, limit: number): Refusal {
  return new Refusal(
    'limit_reached',
    `Realm ${realm} has more ${what} than a file may have, which is ${limit}: use the admin API.`,
    undefined,
    limit,
  )
}
