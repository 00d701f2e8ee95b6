import { claimText, readClaimLines, readMetadataLines } from '../../domain/claim-text.ts'
import type { CustomClaim } from '../../domain/custom-claim.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import type { ClaimsDraft } from '../../operations/tokens/token-previews.ts'
import { form, notice, saveButton, textArea, versionField } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import { SentForm } from './sent-form.ts'
import { about, addressOf, tabs } from './service-account-frame.ts'
import type { Fields, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts' | 'realms' | 'tokens'>

const OF_ACCOUNT = '/portal/:realm/service-accounts/:clientId/claims'
const OF_REALM = '/portal/:realm/claims'

const HINT =
  'One on a line: tenant=acme, limits.daily:=100 for JSON, groups@=roles for what is known of the account (client_id, name, roles, scope, address, realm, metadata.<key>), or {"claim": …, "from": …, "prefix": …, "as": …, "audiences": […]}.'

/** Claims of an account and of the realm, beside the token that they make. */
export function claimsScreens(portal: Portal, operations: Deps): void {
  accountScreen(portal, operations)
  realmScreen(portal, operations)
}

function accountScreen(portal: Portal, operations: Deps): void {
  portal.page(OF_ACCOUNT, async (visit, { params, query }) => {
    const account = await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    return accountPage(operations, visit, account, { done: query('done') })
  })

  portal.action(`${OF_ACCOUNT}/preview`, async (visit, sent, { params }) => {
    const account = await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    return accountPage(operations, visit, account, { sent })
  })

  portal.action(OF_ACCOUNT, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const update = { ...readDraft(sent), expectedVersion: Number(sent.get('version')) }
    await operations.accounts.update(visit.actor, visit.realm, clientId, update)
    return { redirect: `${addressOf(visit, clientId)}/claims?done=saved` }
  })
}

function realmScreen(portal: Portal, operations: Deps): void {
  portal.page(OF_REALM, async (visit, { query }) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    return realmPage(operations, visit, realm, { done: query('done') })
  })

  portal.action(`${OF_REALM}/preview`, async (visit, sent) =>
    realmPage(operations, visit, await operations.realms.find(visit.actor, visit.realm), { sent }),
  )

  portal.action(OF_REALM, async (visit, sent) => {
    const update = { claims: readClaimLines(sent.get('claims')), expectedVersion: sent.get('version') }
    await operations.realms.update(visit.actor, visit.realm, update)
    return { redirect: `/portal/${visit.realm}/claims?done=saved` }
  })
}

interface Shown {
  readonly done?: string
  /** Unsaved values of the form. */
  readonly sent?: Fields
}

async function accountPage(
  operations: Deps,
  visit: Visit,
  account: ServiceAccount,
  { done, sent }: Shown,
): Promise<Page> {
  const here = `${addressOf(visit, account.clientId)}/claims`
  const metadata = Object.entries(account.metadata).map(([key, value]) => `${key}=${value}`)
  const fields = html`${versionField(account.version)}
${claimsArea(account.claims)}
${textArea('metadata', 'Metadata', { value: metadata.join('\n'), rows: 4, hint: 'cost_center=4711 on each line. It is in no token unless a claim says so.' })}`
  const draft = () => (sent ? readDraft(sent) : {})
  return {
    ...about(visit, account),
    help: 'claims#what-a-claim-says',
    ...(sent && { settleAt: here }),
    body: withSent(
      here,
      sent,
      html`${done === 'saved' && notice('success', 'Saved. The next token says so.')}
${tabs(visit, account, 'claims')}
${split(visit, { here, fields, more: html`<p class="hint"><a href="/portal/${visit.realm}/claims">Claims of the whole realm</a> are in its tokens too; its own win.</p>` }, await previewOf(operations, visit, account.clientId, draft))}`,
    ),
  }
}

async function realmPage(operations: Deps, visit: Visit, realm: Realm, { done, sent }: Shown): Promise<Page> {
  const here = `/portal/${visit.realm}/claims`
  const fields = html`${versionField(realm.version)}
${claimsArea(realm.claims)}`
  const draft = () => (sent ? { realmClaims: readClaimLines(sent.get('claims')) } : {})
  return {
    title: 'Claims of the realm',
    section: 'claims',
    ...(sent && { settleAt: here }),
    body: withSent(
      here,
      sent,
      html`${done === 'saved' && notice('success', 'Saved. The next token of every account says so.')}
${split(visit, { here, fields, more: html`<p class="hint">All tokens of the realm get these. The token shown is that of an example account.</p>` }, await previewOf(operations, visit, undefined, draft))}`,
    ),
  }
}

function readDraft(sent: Fields) {
  return { claims: readClaimLines(sent.get('claims')), metadata: readMetadataLines(sent.get('metadata')) }
}

function claimsArea(claims: readonly CustomClaim[]): Html {
  return textArea('claims', 'Claims', { value: claims.map(claimText).join('\n'), rows: 8, hint: HINT })
}

function withSent(action: string, sent: Fields | undefined, body: Html): Html {
  return (sent && new SentForm(action, sent).fill(body)) ?? body
}

interface Part {
  readonly here: string
  readonly fields: Html
  readonly more: Content
}

function split(visit: Visit, { here, fields, more }: Part, preview: Html): Html {
  const buttons = html`<div class="buttons">${saveButton()}<button formaction="${here}/preview" data-preview="token-preview">Preview</button></div>`
  return html`<div class="split even">
<section class="card"><h2>Claims</h2>${visit.mayChange ? form(visit, here, html`${fields}${buttons}`) : fields}${more}</section>
<section class="card follow" id="token-preview"><h2>What its token will contain</h2>
${preview}</section>
</div>`
}

/** Claims of the next token, or what keeps it from being made. */
async function previewOf(
  operations: Deps,
  visit: Visit,
  clientId: string | undefined,
  draft: () => ClaimsDraft,
): Promise<Html> {
  try {
    const { claims, leftOut } = await operations.tokens.previewDraft(
      visit.actor,
      visit.realm,
      clientId,
      draft(),
    )
    return html`<pre tabindex="0" aria-label="Claims of the next token">${JSON.stringify(claims, undefined, 2)}</pre>
${leftOut.map(({ claim, reason }) => notice('warning', `Without ${claim}: ${reason}.`))}`
  } catch (error) {
    if (!(error instanceof Refusal) || !['invalid', 'limit_reached'].includes(error.code)) throw error
    return notice('danger', error.message)
  }
}
