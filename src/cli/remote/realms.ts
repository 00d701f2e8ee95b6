import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Grant } from '../../domain/grant.ts'
import type { Policy } from '../../domain/policy.ts'
import type { ImportOutcome, ProtectedResource } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import type { PublishedKey } from '../../operations/realms/signing-keys.ts'
import { accountPath, importEntries } from './accounts.ts'
import type { AdminApi } from './admin-api.ts'
import { fromWire, pageFromWire, pathOf, toWire, warningsFromWire } from './wire.ts'

/** Realms, over the admin API. */
export function remoteRealms({ ask }: AdminApi): Partial<Operations['realms']> {
  return {
    list: async (_actor, { after, limit, search }) => {
      const { body } = await ask('GET', '/realms', {
        query: { cursor: after === '' ? undefined : after, limit, search },
      })
      return pageFromWire(body, toRealm)
    },
    create: async (_actor, name, settings) =>
      toChangedRealm((await ask('POST', '/realms', { body: toWire({ name, ...settings }) })).body),
    find: async (_actor, name) => toRealm((await ask('GET', pathOf('realms', name))).body),
    update: async (_actor, name, settings) =>
      toChangedRealm((await ask('PATCH', pathOf('realms', name), { body: toWire(settings) })).body),
    delete: async (_actor, name) =>
      void (await ask('DELETE', pathOf('realms', name), { query: { confirm: name } })),
  }
}

/** Null is a value of it. */
function toRealm(body: unknown): Realm {
  const realm = fromWire<Realm>(body)
  return { ...realm, auditRetentionDays: realm.auditRetentionDays ?? null }
}

function toChangedRealm(body: unknown) {
  return { ...toRealm(body), warnings: warningsFromWire(body) }
}

/** Keys that a realm signs with. */
export function remoteSigningKeys({ ask }: AdminApi): Partial<Operations['signingKeys']> {
  return {
    list: async (_actor, realm) =>
      pageFromWire((await ask('GET', pathOf('realms', realm, 'keys'))).body, fromWire<PublishedKey>).items,
    rotate: async (_actor, realm) =>
      fromWire<PublishedKey>((await ask('POST', pathOf('realms', realm, 'keys', 'rotate'))).body),
    revoke: async (_actor, realm, kid) => void (await ask('DELETE', pathOf('realms', realm, 'keys', kid))),
  }
}

/** What a realm shows to everybody. */
export function remotePublishedRealms({ readPublic }: AdminApi): Pick<Operations['publishedRealms'], 'find'> {
  return {
    find: async (realm) => {
      const text = await readPublic(`${pathOf('realms', realm)}/protocol/openid-connect/certs?format=pem`)
      return { pem: () => text } as Awaited<ReturnType<Operations['publishedRealms']['find']>>
    },
  }
}

/** Bounds for the settings of realms. */
export function remotePolicy({ ask }: AdminApi): Partial<Operations['policy']> {
  return {
    find: async () => ({ policy: fromWire<Policy>((await ask('GET', '/policy')).body), version: '' }),
    update: async (_actor, changes) => {
      // A bound that is undefined is taken away.
      const all = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? null]))
      const { body } = await ask('PATCH', '/policy', { body: toWire(all) })
      return { policy: fromWire<Policy>(body), version: '' }
    },
    listRealmsBeyond: async () => {
      const { body } = await ask('GET', '/policy')
      return (body as { realms_beyond?: string[] }).realms_beyond ?? []
    },
  }
}

/** The audit trail, read page by page. */
export function remoteAudit({ ask }: AdminApi): Partial<Operations['audit']> {
  return {
    export: async (_actor, owner, filter) => {
      const path = typeof owner === 'string' ? pathOf('realms', owner, 'audit-events') : '/audit-events'
      const realm_id = typeof owner === 'object' ? owner.id : undefined
      const read = async (cursor: string | undefined) => {
        const query = { ...filter, realm_id, cursor, limit: 100 }
        return pageFromWire((await ask('GET', path, { query })).body, fromWire<RecordedAuditEvent>)
      }
      const first = await read(undefined)
      return (async function* () {
        for (let page = first; ; page = await read(page.next)) {
          yield* page.items
          if (page.next === undefined) return
        }
      })()
    },
  }
}

/** Devices and other resources. */
export function remoteResources({ ask }: AdminApi): Partial<Operations['resources']> {
  return {
    list: async (_actor, realm, { after: cursor, limit, type, contains: search }) => {
      const { body } = await ask('GET', pathOf('realms', realm, 'resources'), {
        query: { cursor, limit, type, search },
      })
      return pageFromWire(body, fromWire<ProtectedResource>)
    },
    delete: async (_actor, realm, { type, id }) =>
      void (await ask('DELETE', pathOf('realms', realm, 'resources', type, id))),
    import: (_actor, realm, entries) =>
      importEntries(entries, pathOf('realms', realm, 'resources'), ask, toOutcome),
  }
}

function toOutcome(line: unknown): ImportOutcome {
  const { status, type, id, detail, field } = line as Record<string, string>
  if (status === 'failed' || status === 'refused')
    return { status: 'refused', refusal: new Refusal('invalid', detail ?? '', field) }
  return { status, type, id } as ImportOutcome
}

/** Roles on single resources. */
export function remoteGrants({ ask }: AdminApi): Partial<Operations['grants']> {
  return {
    list: async (_actor, realm, clientId, { after: cursor, limit, type, contains: search }) => {
      const query = { cursor, limit, type, search }
      const { body } = await ask('GET', `${accountPath(realm, clientId)}/grants`, { query })
      return { ...pageFromWire(body, fromWire<Grant>), version: 0 }
    },
    add: async (_actor, realm, clientId, grant) => {
      const { status, body } = await ask('POST', `${accountPath(realm, clientId)}/grants`, { body: grant })
      return { grant: fromWire<Grant>(body), added: status === 201 }
    },
    remove: async (_actor, realm, clientId, { role, type, id }) =>
      void (await ask('DELETE', accountPath(realm, clientId) + pathOf('grants', role, type, id))),
  }
}
