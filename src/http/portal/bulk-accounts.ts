import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { requireConfirmation, typeToConfirm, wasUsedLately } from './confirm-by-typing.ts'
import { form, notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { addressOf } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts'>

/** Accounts of one page of the list. */
const MAX_ACCOUNTS = 50

const PATH = '/portal/:realm/service-accounts/bulk'

const ACTS = {
  disable: { title: 'Disable service accounts', button: 'Disable', done: 'disabled' },
  delete: { title: 'Delete service accounts', button: 'Delete', done: 'deleted' },
} as const

type Act = keyof typeof ACTS

/** Buttons below the list, for the accounts that are ticked in it. */
export function bulkForm(visit: Visit): Html {
  return html`<form method="get" action="/portal/${visit.realm}/service-accounts/bulk" id="bulk" class="bulk">
<span class="muted">Ticked accounts:</span>
<button class="small" name="act" value="disable">${icon('no-symbol')}Disable…</button>
<button class="small danger-text" name="act" value="delete">${icon('trash')}Delete…</button>
</form>`
}

/** Ticks one account for the form above. */
export function bulkBox({ clientId, name }: ServiceAccount): Html {
  return html`<input type="checkbox" form="bulk" name="account" value="${clientId}" aria-label="Tick ${name}">`
}

/** Several accounts are disabled or deleted: first a summary, then one by one, then what came of it. */
export function bulkAccountsScreen(portal: Portal, operations: Deps): void {
  portal.question(PATH, async (visit, asked) => {
    const act = actOf(asked.query('act'))
    const accounts = await accountsOf(operations, visit, asked.queryAll('account'))
    return act === undefined || accounts.length === 0 ? nothingTicked(visit) : summary(visit, act, accounts)
  })

  portal.action(PATH, async (visit, sent) => {
    const act = actOf(sent.get('act'))
    const accounts = await accountsOf(operations, visit, sent.getAll('account'))
    if (act === undefined || accounts.length === 0) return nothingTicked(visit)
    requireConfirmation(
      sent,
      needsTyping(visit, act, accounts),
      'Type the number of accounts to delete them.',
    )
    const outcomes: Outcome[] = []
    for (const account of accounts) outcomes.push(await perform(operations, visit, act, account))
    return report(visit, act, outcomes)
  })
}

function actOf(text: string): Act | undefined {
  return text === 'disable' || text === 'delete' ? text : undefined
}

/** The accounts that still exist, in the order of the list. */
async function accountsOf(
  { accounts }: Deps,
  visit: Visit,
  clientIds: readonly string[],
): Promise<ServiceAccount[]> {
  const wanted = [...new Set(clientIds)].slice(0, MAX_ACCOUNTS)
  const found = await Promise.all(
    wanted.map((clientId) =>
      accounts.find(visit.actor, visit.realm, clientId).catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.code !== 'not_found') throw error
        return undefined
      }),
    ),
  )
  return found.filter((account) => account !== undefined)
}

interface Outcome {
  readonly account: ServiceAccount
  /** `undefined`: done. */
  readonly refused?: string
}

async function perform(
  { accounts }: Deps,
  visit: Visit,
  act: Act,
  account: ServiceAccount,
): Promise<Outcome> {
  const { clientId } = account
  try {
    if (act === 'delete') await accounts.delete(visit.actor, visit.realm, clientId)
    else await accounts.update(visit.actor, visit.realm, clientId, { enabled: false })
    return { account }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { account, refused: error.message }
  }
}

function needsTyping({ now }: Visit, act: Act, accounts: readonly ServiceAccount[]): string | undefined {
  const isUsed = accounts.some((account) => wasUsedLately(account, now))
  return act === 'delete' && isUsed ? String(accounts.length) : undefined
}

function aboutBulk({ realm }: Visit, title: string): Omit<Page, 'body'> {
  return {
    title,
    section: 'service-accounts',
    trail: [['Service Accounts', `/portal/${realm}/service-accounts`]],
  }
}

function nothingTicked(visit: Visit): Page {
  return {
    ...aboutBulk(visit, 'Nothing is ticked'),
    body: html`<section class="card narrow"><p>Tick the service accounts in the list first.</p>
<p class="buttons"><a class="button" href="/portal/${visit.realm}/service-accounts">Back to the list</a></p></section>`,
  }
}

function countOf(accounts: readonly unknown[]): string {
  return accounts.length === 1 ? '1 service account' : `${accounts.length} service accounts`
}

function summary(visit: Visit, act: Act, accounts: readonly ServiceAccount[]): Page {
  const { title, button } = ACTS[act]
  const list = `/portal/${visit.realm}/service-accounts`
  const lately = accounts.filter((account) => wasUsedLately(account, visit.now)).length
  const what: Content =
    act === 'delete'
      ? html`<p><strong>Deletion is immediate and cannot be undone.</strong> Tokens of ${countOf(accounts)} stop working at their next validation check.</p>`
      : html`<p>${countOf(accounts)} get no more tokens until you enable them again. Tokens that they have already stop working at their next validation check.</p>`
  const expected = needsTyping(visit, act, accounts)
  return {
    ...aboutBulk(visit, title),
    body: html`<section class="card narrow">${form(
      visit,
      `${list}/bulk`,
      html`${what}
${lately > 0 && notice('warning', `${lately === 1 ? '1 of them was' : `${lately} of them were`} used in the last 30 days.`)}
<input type="hidden" name="act" value="${act}">
<ul class="lines">${accounts.map((account) => html`<li><div><input type="hidden" name="account" value="${account.clientId}"><a class="strong" href="${addressOf(visit, account.clientId)}">${named(account.name)}</a> <code class="muted wrap">${account.clientId}</code></div><span class="muted">last used: ${when(account.lastUsedAt, visit.now)}</span></li>`)}</ul>
${expected !== undefined && typeToConfirm(html`To confirm, type the number of accounts: <strong>${expected}</strong>`)}
<div class="buttons"><button class="danger">${button} ${countOf(accounts)}</button><a class="button" href="${list}">Cancel</a></div>`,
    )}</section>`,
  }
}

function report(visit: Visit, act: Act, outcomes: readonly Outcome[]): Page {
  const { title, done } = ACTS[act]
  const list = `/portal/${visit.realm}/service-accounts`
  const refused = outcomes.filter((outcome) => outcome.refused !== undefined)
  const count = outcomes.length - refused.length
  return {
    ...aboutBulk(visit, title),
    settleAt: list,
    body: html`${count > 0 && notice('success', `${countOf({ length: count } as unknown[])} ${count === 1 ? 'is' : 'are'} ${done}.`)}
${
  refused.length > 0 &&
  notice(
    'danger',
    html`<p>${countOf(refused)} could not be ${done}:</p><ul class="plain-list">${refused.map(({ account, refused: why }) => html`<li>${named(account.name)}: ${why}</li>`)}</ul>`,
  )
}
<p><a class="button" href="${list}">Back to Service Accounts</a></p>`,
  }
}
