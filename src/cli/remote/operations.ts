import type { AccountActivity, Activity, RealmActivity, TokenCount } from '../../domain/activity.ts'
import type { Operations } from '../../operations/operations.ts'
import { besideTheDatabase } from '../beside-database.ts'
import { accountPath, remoteAccounts, remoteClientKeys, remoteSecrets } from './accounts.ts'
import type { AdminApi } from './admin-api.ts'
import { remoteFederation, remoteTrustedIssuers, remoteWorkloadIdentities } from './federation.ts'
import { remoteForeignKeys, remoteShadow } from './moves.ts'
import { remotePortal } from './portal.ts'
import {
  remoteAudit,
  remoteGrants,
  remotePolicy,
  remotePublishedRealms,
  remoteRealms,
  remoteResources,
  remoteSigningKeys,
} from './realms.ts'
import { remoteWebhookDeliveries, remoteWebhooks } from './webhooks.ts'
import { fromWire, pathOf, toWire } from './wire.ts'

type Remote = { readonly [Noun in keyof Operations]?: Partial<Operations[Noun]> }

/** The operations of a running server, over its admin API. What that does not offer is refused. */
export function remoteOperations(api: AdminApi): Operations {
  const remote: Remote = {
    accounts: remoteAccounts(api),
    secrets: remoteSecrets(api),
    clientKeys: remoteClientKeys(api),
    realms: remoteRealms(api),
    signingKeys: remoteSigningKeys(api),
    policy: remotePolicy(api),
    audit: remoteAudit(api),
    resources: remoteResources(api),
    grants: remoteGrants(api),
    trustedIssuers: remoteTrustedIssuers(api),
    workloadIdentities: remoteWorkloadIdentities(api),
    federation: remoteFederation(api),
    tokens: remoteTokens(api),
    activity: remoteActivity(api),
    shadow: remoteShadow(api),
    foreignKeys: remoteForeignKeys(api),
    webhooks: remoteWebhooks(api),
    portal: remotePortal(api),
    publishedRealms: remotePublishedRealms(api),
    webhookDeliveries: remoteWebhookDeliveries(api),
  }
  return withRefusals(remote, (noun) => withRefusals(noun ?? {}, (method) => method ?? refuse)) as Operations
}

function remoteTokens({ ask }: AdminApi): Partial<Operations['tokens']> {
  return {
    previewDraft: async (_actor, realm, clientId, draft = {}) => {
      const path = `${accountPath(realm, clientId as string)}/preview-token`
      const { body } = await ask('POST', path, { body: toWire(draft) })
      const { claims, left_out: leftOut } = body as { claims: never; left_out: never[] }
      return { claims, leftOut }
    },
  }
}

function remoteActivity({ ask }: AdminApi): Partial<Operations['activity']> {
  return {
    ofAccount: async (_actor, realm, clientId) => {
      const { body } = await ask('GET', `${accountPath(realm, clientId)}/activity`)
      const { refusals, origins } = fromWire<Details>(body)
      return { ...countsFromWire(body), refusals, origins }
    },
    ofRealm: async (_actor, realm) => {
      const { body } = await ask('GET', pathOf('realms', realm, 'activity'))
      const { busiestToday, refusals } = fromWire<RealmDetails>(body)
      return { ...countsFromWire(body), refusals, busiest: busiestToday ?? undefined }
    },
  }
}

type Details = Pick<AccountActivity, 'refusals' | 'origins'>

interface RealmDetails extends Pick<RealmActivity, 'refusals'> {
  readonly busiestToday: RealmActivity['busiest'] | null
}

function countsFromWire(body: unknown): Activity {
  const { hours, days } = fromWire<{ hours: TokenCount[]; days: TokenCount[] }>(body)
  return { hour: hours, day: days }
}

function withRefusals(target: object, read: (member: object | undefined) => object): object {
  return new Proxy(target, {
    get: (_target, name) => read((target as Record<string | symbol, object | undefined>)[name]),
  })
}

/** Never reached by commands that refuse --server themselves. */
async function refuse(): Promise<never> {
  throw besideTheDatabase('the admin API does not offer what it does')
}
