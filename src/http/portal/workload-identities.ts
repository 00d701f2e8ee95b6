import type { ServiceAccount } from '../../domain/service-account.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { MAX_IDENTITIES, type WorkloadIdentity } from '../../domain/workload-identity.ts'
import type { Operations } from '../../operations/operations.ts'
import { notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { ruleText } from './rule-fields.ts'
import { about, addressOf, tabs } from './service-account-frame.ts'
import { when } from './times.ts'
import { issuerAddress, nameOfIssuer } from './trusted-issuer-frame.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts' | 'trustedIssuers' | 'workloadIdentities'>

const PATH = '/portal/:realm/service-accounts/:clientId/workload-identities'

const DONE: ReadonlyMap<string, string> = new Map([
  [
    'deleted',
    'The workload identity is deleted: no token gets in by it, and those that the account had got have ended.',
  ],
])

/** Whose tokens get in as a service account: a tab of its page. */
export function workloadIdentitiesScreen(portal: Portal, operations: Deps): void {
  portal.page(PATH, async (visit, { params, query }) => {
    const clientId = params['clientId'] as string
    const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
    const identities = await operations.workloadIdentities.list(visit.actor, visit.realm, clientId)
    const issuers = await operations.trustedIssuers.list(visit.actor, visit.realm)
    const done = DONE.get(query('done'))
    const mayAdd = visit.mayChange && identities.length < MAX_IDENTITIES
    return {
      ...about(visit, account),
      help: 'workload-identity#workload-identities',
      tab: 'Workload identities',
      actions:
        mayAdd &&
        html`<a class="button primary" href="${identitiesAddress(visit, clientId)}/add">${icon('plus')}Add a workload identity</a>`,
      body: html`${done && notice('success', done)}
${tabs(visit, account, 'workload-identities')}
<p class="lead">Workloads that get in as this account by the token of their platform, without a secret.</p>
${identities.length > 0 && notCounting(visit, account)}
${identities.length > 0 ? list(visit, identities, issuers) : html`<div class="card empty">${icon('shield-check')}<h2>No workload identity yet</h2><p>Add one for each workload that uses this account: a pod, a job of CI, a virtual machine.</p></div>`}`,
    }
  })
}

export function identitiesAddress(visit: Visit, clientId: string): string {
  return `${addressOf(visit, clientId)}/workload-identities`
}

export function notCounting(visit: Visit, { clientId, authMethods }: ServiceAccount): Content {
  if (authMethods.includes('federated')) return undefined
  const change = html` <a href="${addressOf(visit, clientId)}/auth-methods">Change how it authenticates</a>`
  return notice(
    'warning',
    html`The service account may not authenticate with a workload identity: none of them counts.${visit.mayChange && change}`,
  )
}

/** @throws Refusal `not_found` */
export async function identityOf(operations: Deps, visit: Visit, { params }: Asked) {
  const { clientId = '', id = '' } = params
  const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
  const identity = await operations.workloadIdentities.find(visit.actor, visit.realm, clientId, id)
  const issuer = await operations.trustedIssuers.find(visit.actor, visit.realm, identity.issuerId)
  return { account, identity, issuer }
}

export function titleOfIdentity({ name, id }: WorkloadIdentity): Html {
  return name === '' ? html`<code class="wrap">${id}</code>` : named(name)
}

function list(
  visit: Visit,
  identities: readonly WorkloadIdentity[],
  issuers: readonly TrustedIssuer[],
): Html {
  const row = (identity: WorkloadIdentity) => {
    const { id, clientId, issuerId, rules, lastUsedAt, name } = identity
    const here = `${identitiesAddress(visit, clientId)}/${id}`
    const issuer = issuers.find((one) => one.id === issuerId)
    return html`<tr>
<td data-label="Name"><a class="strong" href="${here}">${titleOfIdentity(identity)}</a></td>
<td data-label="Issuer">${issuer && html`<a href="${issuerAddress(visit, issuer.id)}">${nameOfIssuer(issuer)}</a>${!issuer.enabled && ' (disabled)'}`}</td>
<td data-label="Rules"><ul class="rule-list">${rules.map((rule) => html`<li>${ruleText(rule)}</li>`)}</ul></td>
<td data-label="Last used">${when(lastUsedAt, visit.now)}</td>
${visit.mayChange && html`<td class="row-actions"><a class="button small danger-text" href="${here}/delete" aria-label="Delete ${name || id}">${icon('trash')}Delete</a></td>`}
</tr>`
  }
  return html`<div class="card flush"><table class="cards">
<thead><tr><th>Name</th><th>Issuer</th><th>Rules</th><th>Last used</th>${visit.mayChange && html`<th class="unseen-cell"><span class="unseen">Actions</span></th>`}</tr></thead>
<tbody>${identities.map(row)}</tbody></table></div>`
}
