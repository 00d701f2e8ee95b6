import type { FastifyRequest } from 'fastify'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { changeInWords } from './audit-words.ts'
import { notice } from './elements.ts'
import { type Fields, fieldsOf, pageOfForm } from './form-fields.ts'
import { type Content, type Html, html, named } from './html.ts'
import type { Page } from './layout.ts'
import type { PageRegistry } from './page-registry.ts'
import { type Difference, SentForm } from './sent-form.ts'
import { ago, exact } from './times.ts'
import type { Visit } from './visit.ts'

type Deps = Pick<Operations, 'audit'>

/** Shows the page of a refused form again, with what was typed. `undefined`: nothing was typed, or there is no such page. */
export type ShowAgain = (
  request: FastifyRequest,
  visit: Visit,
  refused: { readonly error: unknown; readonly status: number; readonly text: string },
) => Promise<Page | undefined>

export function showFormsAgain(pages: PageRegistry, operations: Deps): ShowAgain {
  return async (request, visit, { error, status, text }) => {
    const sent = fieldsOf(request)
    const address = pageOfForm(sent, visit.realm) ?? ownPageOf(request, error)
    const found = address === undefined ? undefined : pages.find(address)
    if (!found || address === undefined) return undefined
    // What the page was about is in its address, and in hidden fields of some forms.
    const queryAll = (name: string) => (found.query.has(name) ? found.query : sent).getAll(name)
    const query = (name: string) => found.query.getAll(name).at(-1) || sent.get(name)
    const asked = { params: found.params, query, queryAll, signal: request.signal }
    const page = await found.show({ ...visit, page: address }, asked).catch(() => undefined)
    if (!page || 'redirect' in page) return undefined
    const form = new SentForm(request.url, sent, error instanceof Refusal ? error : undefined)
    const filled = form.fill(page.body)
    if (!filled) return undefined
    const { type, clientId, id } = found.params
    const target = type === undefined ? (clientId ?? id) : `${type}/${id}`
    const why = form.isOutdated
      ? html`${await lastChange(operations, visit, target)}${differencesTable(form.differences)}`
      : html`<p>${text}</p>`
    return { ...page, body: html`${notice('danger', why)}${filled}`, status, settleAt: address }
  }
}

/** Forms that do not say on which page they were have a page of their own, if something is wrong with a field. */
function ownPageOf({ url }: FastifyRequest, error: unknown): string | undefined {
  if (!(error instanceof Refusal)) return undefined
  return error.code === 'forbidden' || error.code === 'changed_meanwhile' ? undefined : url
}

/** Shows what was typed before the session ended. `undefined`: the form is not on the page. */
export function typedBefore(page: Page, action: string, sent: Fields): Page | undefined {
  const filled = new SentForm(action, sent).fill(page.body)
  const why = html`<p><strong>You were signed out before this was sent.</strong> Here is what you had typed: check it, then send it.</p>`
  return filled && { ...page, body: html`${notice('info', why)}${filled}` }
}

async function lastChange({ audit }: Deps, visit: Visit, target: string | undefined): Promise<Html> {
  const said = html`<p><strong>Nothing was saved: another administrator changed it meanwhile.</strong> What you typed is still in the form.</p>`
  if (target === undefined) return said
  const { items } = await audit.list(visit.actor, visit.realm, { target, limit: 5 })
  const last = items.find(({ outcome }) => outcome === 'done')
  if (!last) return said
  return html`${said}<p>Last change: ${named(String(last.details['actor_name'] ?? last.actor.id))}, ${ago(last.occurredAt, visit.now)} (${exact(last.occurredAt)}): ${changeInWords(last)}.</p>`
}

function differencesTable(differences: readonly Difference[]): Content {
  if (differences.length === 0) return html`<p>It now is what you typed.</p>`
  const shown = (value: string) => (value === '' ? html`<span class="muted">empty</span>` : named(value))
  return html`<table class="compared"><thead><tr><th>Field</th><th>Now</th><th>Yours</th></tr></thead><tbody>${differences.map(
    ({ label, now, typed }) =>
      html`<tr><th scope="row">${label}</th><td>${shown(now)}</td><td>${shown(typed)}</td></tr>`,
  )}</tbody></table>`
}
