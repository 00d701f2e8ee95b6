import { bindingWarnings, presetOf } from '../../domain/federation-presets.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { parseIdentity } from '../../domain/workload-identity.ts'
import type { Operations } from '../../operations/operations.ts'
import { atMost, field, form } from './elements.ts'
import { html } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { atRow, readRules, ruleFields, typedRows } from './rule-fields.ts'
import { SentForm } from './sent-form.ts'
import { about, addressOf } from './service-account-frame.ts'
import {
  claimText,
  issuersAddress,
  nameOfIssuer,
  platformOf,
  warningNotices,
} from './trusted-issuer-frame.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts' | 'realms' | 'trustedIssuers' | 'workloadIdentities'>

const PATH = '/portal/:realm/service-accounts/:clientId/workload-identities/add'

/** Issuer → the rules by which its tokens get in as the account. */
export function newWorkloadIdentityScreen(portal: Portal, operations: Deps): void {
  portal.question(PATH, async (visit, { params, query }) => {
    const account = await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    const issuers = await operations.trustedIssuers.list(visit.actor, visit.realm)
    const chosen = issuers.find(({ id }) => id === query('issuer'))
    if (!chosen) return choosePage(visit, account, issuers)
    return askPage(visit, account, chosen)
  })

  portal.action(PATH, async (visit, sent, { params }) => {
    const account = await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    const issuer = await operations.trustedIssuers.find(visit.actor, visit.realm, sent.get('issuer'))
    const name = sent.get('name')
    const rows = typedRows(issuer, sent)
    try {
      const rules = readRules(issuer, rows)
      parseIdentity({ rules, name }, issuer.requiredClaims)
      const warnings = bindingWarnings(issuer.preset, rules)
      if (warnings.length === 0 || sent.get('warned') === textOf(warnings))
        return await add(operations, visit, account, { trustedIssuer: issuer.id, name, rules })
      const here = `${addressOf(visit, account.clientId)}/workload-identities/add`
      const page = askPage(visit, account, issuer, warnings)
      return {
        ...page,
        body: new SentForm(here, sent).fill(page.body),
        settleAt: `${here}?issuer=${issuer.id}`,
      }
    } catch (error) {
      return atRow(rows, error)
    }
  })
}

/** The first one lets the account authenticate that way. */
async function add(
  operations: Deps,
  visit: Visit,
  { clientId, authMethods }: ServiceAccount,
  asked: { readonly trustedIssuer: string; readonly name: string; readonly rules: unknown },
) {
  const { actor, realm } = visit
  const isNew = !authMethods.includes('federated')
  if (isNew && !(await operations.realms.find(actor, realm)).allowedAuthMethods.includes('federated'))
    throw new Refusal(
      'conflict',
      'The realm does not allow workload identities: let its allowed_auth_methods have federated first.',
    )
  const { identity } = await operations.workloadIdentities.create(actor, realm, clientId, asked)
  if (isNew) {
    const { authMethods: methods, version } = await operations.accounts.find(actor, realm, clientId)
    const update = { authMethods: [...methods, 'federated'], expectedVersion: version }
    await operations.accounts.update(actor, realm, clientId, update)
  }
  const here = addressOf(visit, clientId)
  return { redirect: `${here}/workload-identities/${identity.id}?done=${isNew ? 'first' : 'added'}` }
}

function choosePage(visit: Visit, account: ServiceAccount, issuers: readonly TrustedIssuer[]): Page {
  const choice = (issuer: TrustedIssuer) =>
    html`<li><a class="tile" href="?issuer=${issuer.id}"><span>${nameOfIssuer(issuer)}<br><span class="hint">${platformOf(issuer) ?? 'Another platform'}${!issuer.enabled && ', disabled'}</span></span>${icon('chevron-right')}</a></li>`
  return {
    ...about(visit, account, 'Add a workload identity'),
    help: 'workload-identity#workload-identities',
    body:
      issuers.length > 0
        ? html`<p class="lead">Which issuer signs the tokens of the workload?</p><ul class="tiles">${issuers.map(choice)}</ul>`
        : html`<div class="card empty">${icon('shield-check')}<h2>No issuer is trusted yet</h2><p>Trust the platform that the workload runs on first.</p>
<p><a class="button primary" href="${issuersAddress(visit)}/add">${icon('plus')}Trust an issuer</a></p></div>`,
  }
}

/** @param warnings what to know before it is added */
function askPage(
  visit: Visit,
  account: ServiceAccount,
  issuer: TrustedIssuer,
  warnings: readonly string[] = [],
): Page {
  const here = addressOf(visit, account.clientId)
  const preset = issuer.preset === undefined ? undefined : presetOf(issuer.preset)
  return {
    ...about(visit, account, 'Add a workload identity'),
    help: 'workload-identity#workload-identities',
    body: html`<div class="split even"><section class="card">
${warningNotices(warnings)}
${form(
  visit,
  `${here}/workload-identities/add`,
  html`<input type="hidden" name="issuer" value="${issuer.id}">
${warnings.length > 0 && html`<input type="hidden" name="warned" value="${textOf(warnings)}">`}
<p>A token of ${nameOfIssuer(issuer)} gets in as this account if <strong>all</strong> of these hold. What you leave empty is not checked.</p>
${ruleFields(issuer)}
${field('name', 'Name (optional)', { hint: 'Say which workload it is: “deployments of the shop”.', attributes: html`${atMost(100)}` })}
${!account.authMethods.includes('federated') && html`<p class="hint">With it, the account may authenticate with a workload identity, beside what it has now.</p>`}
<div class="buttons"><button class="primary">${warnings.length > 0 ? 'Add it all the same' : 'Add'}</button><a class="button" href="${here}/workload-identities">Cancel</a></div>`,
)}
</section>
<div>${helpCard(issuer)}${warnings.length === 0 && preset && warningNotices(preset.warnings)}</div></div>`,
  }
}

function textOf(warnings: readonly string[]): string {
  return warnings.join(' ')
}

function helpCard({ requiredClaims }: TrustedIssuer) {
  const claims = requiredClaims.map(claimText)
  return html`<section class="card"><h2>How rules work</h2><dl class="claims">
<dt>equals</dt><dd>The claim is this value to the letter. Write several values one a line: any of them does.</dd>
<dt>matches</dt><dd>A <code>*</code> stands for one or more characters other than <code>/</code> and <code>:</code>. So <code class="wrap">repo:acme/*</code> is each repository of acme, and nothing beyond it.</dd>
<dt>What has to be there</dt><dd><code>sub</code> by equals${claims.length > 0 && claims.join() !== 'sub' && html`, or all of ${claims.map((one, at) => html`${at > 0 && ', '}<code class="wrap">${one}</code>`)} by equals`}: without that, other workloads would get in.</dd>
</dl></section>`
}
