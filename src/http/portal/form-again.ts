import type { FastifyRequest } from 'fastify'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { changeInWords } from './audit-words.ts'
import { notice } from './elements.ts'
import { type Fields, fieldsOf, pageOfForm, queryIn } from './form-fields.ts'
import { type Content, Html, html, named } from './html.ts'
import type { Page } from './layout.ts'
import type { PageRegistry } from './page-registry.ts'
import { ago, exact } from './times.ts'
import { type Difference, type Refilled, refill } from './typed-form.ts'
import type { Visit } from './visit.ts'

type Deps = Pick<Operations, 'audit'>

/** Shows the page of a refused form again, with what was typed. `undefined`: nothing was typed, or there is no such page. */
export type FormAgain = (
  request: FastifyRequest,
  visit: Visit,
  refused: { readonly error: unknown; readonly status: number; readonly text: string },
) => Promise<Page | undefined>

export function formAgain(pages: PageRegistry, operations: Deps): FormAgain {
  return async (request, visit, { error, status, text }) => {
    const sent = fieldsOf(request)
    const address = pageOfForm(sent, visit.realm)
    const found = address === undefined ? undefined : pages.find(address)
    if (!found || address === undefined) return undefined
    const queryAll = (name: string) => found.query.getAll(name)
    const asked = { params: found.params, query: queryIn(found.query), queryAll, signal: request.signal }
    const page = await found.show({ ...visit, page: address }, asked).catch(() => undefined)
    if (!page || 'redirect' in page) return undefined
    const isConflict = error instanceof Refusal && error.code === 'changed_meanwhile'
    const refilled = refill(String(html`${page.body}`), {
      action: request.url,
      sent,
      fault:
        error instanceof Refusal && error.code === 'invalid'
          ? { field: error.field, message: text }
          : undefined,
      button: isConflict ? 'Save mine anyway' : undefined,
    })
    if (!refilled) return undefined
    const { type, clientId, id } = found.params
    const target = type === undefined ? (clientId ?? id) : `${type}/${id}`
    const why = isConflict
      ? html`${await lastChange(operations, visit, target)}${differencesTable(refilled.differences)}`
      : html`<p>${text}</p>`
    return { ...withTyped(page, refilled, why), status, settleAt: address }
  }
}

/** Shows what was typed before the session ended. `undefined`: the form is not on the page. */
export function typedBefore(page: Page, action: string, sent: Fields): Page | undefined {
  const refilled = refill(String(html`${page.body}`), { action, sent })
  const why = html`<p><strong>You were signed out before this was sent.</strong> Here is what you had typed: check it, then send it.</p>`
  return refilled && withTyped(page, refilled, why, 'info')
}

function withTyped(page: Page, { text }: Refilled, why: Content, tone: 'danger' | 'info' = 'danger'): Page {
  return { ...page, body: html`${notice(tone, why)}${Html.trusted(text)}` }
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
