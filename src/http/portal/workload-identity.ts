import type { Operations } from '../../operations/operations.ts'
import { workloadIdentityToWire } from '../../wire/workload-identity.ts'
import { confirmation, copyButton, notice } from './elements.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import { ruleText } from './rule-fields.ts'
import { about } from './service-account-frame.ts'
import { snippetsCard } from './snippets/snippets-card.ts'
import { when } from './times.ts'
import { issuerAddress, issuerState, nameOfIssuer, warningNotices } from './trusted-issuer-frame.ts'
import type { Portal, Visit } from './visit.ts'
import { identitiesAddress, identityOf, notCounting, titleOfIdentity } from './workload-identities.ts'
import type { Recipe } from './workload-programs.ts'
import { recipesOf, tokenFileOf } from './workload-recipes.ts'

type Deps = Pick<
  Operations,
  'accounts' | 'realms' | 'trustedIssuers' | 'workloadIdentities' | 'publishedRealms'
>

const PATH = '/portal/:realm/service-accounts/:clientId/workload-identities/:id'

const ADDED = 'The workload identity is added: the next token that fits gets in.'

const DONE: ReadonlyMap<string, string> = new Map([
  ['added', ADDED],
  ['first', `${ADDED} The account may now authenticate with a workload identity.`],
])

/** One workload identity, and what its workload has to do. */
export function workloadIdentityScreen(portal: Portal, operations: Deps): void {
  portal.page(PATH, async (visit, asked) => {
    const found = await identityOf(operations, visit, asked)
    const { account, identity, issuer } = found
    const { issuer: realmIssuer } = await operations.publishedRealms.find(visit.realm)
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const file = tokenFileOf(issuer)
    const done = DONE.get(asked.query('done'))
    const { rules } = identity
    const recipes = recipesOf({ realmIssuer, clientId: account.clientId, issuer, rules })
    return {
      ...about(visit, account, 'Workload identity'),
      help: 'workload-identity#workload-identities',
      actions:
        visit.mayChange &&
        html`<a class="button danger-text" href="${identitiesAddress(visit, account.clientId)}/${identity.id}/delete">${icon('trash')}Delete</a>`,
      body: html`${done && notice('success', done)}
${notCounting(visit, account)}
${facts(visit, found)}
${warningNotices(workloadIdentityToWire(identity).warnings)}
<section class="card"><h2>For the workload</h2>${recipes.map(recipe)}</section>
${file !== undefined && snippetsCard({ issuer: realmIssuer, account, realm }, { kind: 'platform', file })}`,
    }
  })

  deletion(portal, operations)
}

function facts(visit: Visit, { identity, issuer }: Awaited<ReturnType<typeof identityOf>>): Html {
  const { now } = visit
  return html`<section class="card"><dl class="facts">
<dt>Name</dt><dd>${titleOfIdentity(identity)}</dd>
<dt>Issuer</dt><dd><a href="${issuerAddress(visit, issuer.id)}">${nameOfIssuer(issuer)}</a> ${!issuer.enabled && issuerState(issuer)}</dd>
<dt>Rules, all of which hold</dt><dd><ul class="rule-list">${identity.rules.map((rule) => html`<li>${ruleText(rule)}</li>`)}</ul></dd>
<dt>Added</dt><dd>${when(identity.createdAt, now)}</dd>
<dt>Last used</dt><dd>${when(identity.lastUsedAt, now)}</dd>
</dl></section>`
}

function recipe({ title, text }: Recipe, at: number): Html {
  return html`<div class="section-head"><h3>${title}</h3>${copyButton(`recipe-${at}`, title)}</div>
<pre id="recipe-${at}" tabindex="0" aria-label="${title}">${text}</pre>`
}

function deletion(portal: Portal, operations: Deps): void {
  portal.question(`${PATH}/delete`, async (visit, asked) => {
    const { account, identity, issuer } = await identityOf(operations, visit, asked)
    const list = identitiesAddress(visit, account.clientId)
    return {
      ...about(visit, account, 'Delete a workload identity'),
      help: 'workload-identity#the-end-of-trust',
      body: confirmation(visit, {
        action: `${list}/${identity.id}/delete`,
        button: 'Delete',
        danger: true,
        cancel: list,
        content: html`<p>Delete the workload identity ${titleOfIdentity(identity)} of ${nameOfIssuer(issuer)}?</p>
<p><strong>No token gets in by it from then on, and all tokens that the account has got so far end.</strong> Its other workloads get new ones by themselves.</p>
<p class="hint">It was last used: ${when(identity.lastUsedAt, visit.now, 'never')}.</p>`,
      }),
    }
  })

  portal.action(`${PATH}/delete`, async (visit, _sent, { params }) => {
    const { clientId = '', id = '' } = params
    await operations.workloadIdentities.delete(visit.actor, visit.realm, clientId, id)
    return { redirect: `${identitiesAddress(visit, clientId)}?done=deleted` }
  })
}
