import type { AccountOutcome } from '../../domain/account-line.ts'
import type { ClientKey } from '../../domain/client-key.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ListedClientSecret, ServiceAccount } from '../../domain/service-account.ts'
import type { ServiceAccountFilter } from '../../operations/accounts/account-search.ts'
import type {
  CreatedServiceAccount,
  ServiceAccountWithSecret,
} from '../../operations/accounts/new-service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import type { AdminApi } from './admin-api.ts'
import { fromWire, pageFromWire, pathOf, toWire, warningsFromWire } from './wire.ts'

export const accountPath = (realm: string, clientId: string) =>
  pathOf('realms', realm, 'service-accounts', clientId)

/** Service accounts, over the admin API. */
export function remoteAccounts({ ask }: AdminApi): Partial<Operations['accounts']> {
  const read = async (realm: string, clientId: string) =>
    toAccount((await ask('GET', accountPath(realm, clientId))).body)
  return {
    list: async (_actor, realm, filter) => {
      const query = listQuery(filter)
      const { body } = await ask('GET', pathOf('realms', realm, 'service-accounts'), { query })
      return pageFromWire(body, toAccount)
    },
    create: (async (_actor, realm, { imported, key, ...request }) => {
      const body = toWire({ ...request, ...imported, ...(key && { key: toWire(key) }) })
      const answer = await ask('POST', pathOf('realms', realm, 'service-accounts'), { body })
      return toCredentials(answer.body)
    }) as Operations['accounts']['create'],
    find: (_actor, realm, clientId) => read(realm, clientId),
    update: async (_actor, realm, clientId, update) => {
      const { body } = await ask('PATCH', accountPath(realm, clientId), { body: toWire(update) })
      return { ...toAccount(body), warnings: warningsFromWire(body) }
    },
    delete: async (_actor, realm, clientId) => void (await ask('DELETE', accountPath(realm, clientId))),
    revokeTokens: async (_actor, realm, clientId) =>
      toAccount((await ask('POST', `${accountPath(realm, clientId)}/revoke-tokens`)).body),
    addRole: async (_actor, realm, clientId, role) => {
      await ask('POST', `${accountPath(realm, clientId)}/roles`, { body: { role } })
      return read(realm, clientId)
    },
    removeRole: async (_actor, realm, clientId, role) => {
      await ask('DELETE', accountPath(realm, clientId) + pathOf('roles', role))
      return read(realm, clientId)
    },
    import: (_actor, realm, entries) =>
      importEntries(entries, `${pathOf('realms', realm)}/service-accounts/import`, ask, toAccountOutcome),
  }
}

function listQuery({ after, limit, ...filter }: ServiceAccountFilter) {
  return {
    cursor: after === '' ? undefined : after,
    limit,
    name: filter.nameContains,
    search: filter.textContains,
    client_id: filter.clientIdStart,
    state: filter.state,
    role: filter.role,
    auth_method: filter.authMethod,
    rotating: filter.isRotating,
    leaked: filter.isLeaked,
    unused_since: filter.unusedSince,
  }
}

/** Secrets of service accounts. */
export function remoteSecrets({ ask }: AdminApi): Partial<Operations['secrets']> {
  return {
    reset: async (_actor, realm, clientId) =>
      toCredentials(
        (await ask('POST', `${accountPath(realm, clientId)}/reset-secret`)).body,
      ) as ServiceAccountWithSecret,
    list: async (_actor, realm, clientId) => {
      const { body } = await ask('GET', `${accountPath(realm, clientId)}/secrets`)
      return pageFromWire(body, fromWire<ListedClientSecret>).items
    },
    startRotation: async (_actor, realm, clientId, oldSecretExpiresAt) => {
      const body = toWire({ oldSecretExpiresAt })
      const answer = await ask('POST', `${accountPath(realm, clientId)}/secrets`, { body })
      return toCredentials(answer.body) as ServiceAccountWithSecret
    },
    delete: async (_actor, realm, clientId, id) =>
      void (await ask('DELETE', accountPath(realm, clientId) + pathOf('secrets', id))),
  }
}

/** Public keys of service accounts. */
export function remoteClientKeys({ ask }: AdminApi): Partial<Operations['clientKeys']> {
  // The command prints the key alone.
  const changed = (body: unknown) => ({ key: fromWire<ClientKey>(body), account: {} as ServiceAccount })
  const keyPath = (realm: string, clientId: string, kid: string) =>
    accountPath(realm, clientId) + pathOf('keys', kid)
  return {
    add: async (_actor, realm, clientId, key) =>
      changed((await ask('POST', `${accountPath(realm, clientId)}/keys`, { body: toWire(key) })).body),
    list: async (_actor, realm, clientId) => {
      const { body } = await ask('GET', `${accountPath(realm, clientId)}/keys`)
      return pageFromWire(body, fromWire<ClientKey>).items
    },
    update: async (_actor, realm, clientId, { kid, keepTokens: keep_tokens, ...update }) => {
      const request = { query: { keep_tokens }, body: toWire(update) }
      return changed((await ask('PATCH', keyPath(realm, clientId, kid), request)).body)
    },
    delete: async (_actor, realm, clientId, { kid, keepTokens: keep_tokens }) =>
      void (await ask('DELETE', keyPath(realm, clientId, kid), { query: { keep_tokens } })),
  }
}

/** Sends lines that could be read; a Refusal stands for one that could not. */
export async function importEntries<Outcome>(
  entries: readonly unknown[],
  path: string,
  ask: AdminApi['ask'],
  read: (line: unknown) => Outcome,
): Promise<(Outcome | { readonly status: 'refused'; readonly refusal: Refusal })[]> {
  const readable = entries.filter((entry) => !(entry instanceof Refusal))
  // An import of nothing asks whether it would be allowed.
  const { body } = await ask('POST', path, { lines: readable })
  const outcomes = (body as unknown[]).map(read)
  return entries.map((entry) =>
    entry instanceof Refusal ? { status: 'refused', refusal: entry } : (outcomes.shift() as Outcome),
  )
}

function toAccountOutcome(line: unknown): AccountOutcome {
  const { status, clientId, foreignHash: hash, detail = '', field } = fromWire<ImportLine>(line)
  if (status === 'failed' || status === 'refused')
    return { status: 'refused', clientId, refusal: new Refusal('invalid', detail, field) }
  return { status, clientId, hash, ...(detail !== '' && { detail }) } as AccountOutcome
}

interface ImportLine {
  readonly status: 'created' | 'updated' | 'unchanged' | 'refused' | 'failed'
  readonly clientId?: string
  readonly foreignHash?: string
  readonly detail?: string
  readonly field?: string
}

function toAccount(body: unknown): ServiceAccount {
  return fromWire<ServiceAccount>(body)
}

function toCredentials(body: unknown): CreatedServiceAccount {
  const { clientSecret, secret, oldSecrets, key, warnings, ...account } = fromWire<
    CreatedServiceAccount & ServiceAccount
  >(body) as CreatedServiceAccount & ServiceAccount & { readonly oldSecrets: readonly ListedClientSecret[] }
  return { account, clientSecret, secret, oldSecrets, key, warnings } as CreatedServiceAccount
}
