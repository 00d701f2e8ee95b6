import { MAX_SHADOW_COUNTS, type ShadowCount, type ShadowReport } from '../../domain/shadow.ts'
import type { Operations } from '../../operations/operations.ts'
import { badge, confirmation, notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import type { Page } from './layout.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'realms' | 'shadow'>

const DONE: ReadonlyMap<string, string> = new Map([
  ['on', 'Shadow mode is on. Clients get no tokens of this realm.'],
  ['off', 'Shadow mode is off. Clients get tokens.'],
  ['reset', 'The counts are forgotten.'],
])

const REASONS: ReadonlyMap<string, string> = new Map([
  ['unknown_client', 'No service account has this client_id'],
  ['wrong_secret', 'Its secret is another one'],
  ['account_disabled', 'The service account is disabled'],
  ['no_credentials', 'The request had no credentials'],
  ['too_many_failures', 'Too many failed attempts came before'],
  ['invalid_scope', 'It asked for a scope that it may not have'],
  ['invalid_target', 'It asked for an audience that the realm does not have'],
  ['unsupported_grant_type', 'It asked by a grant that there is not here'],
])

/** Shadow mode: what live traffic of another server would have got here. */
export function shadowScreens(portal: Portal, operations: Deps): void {
  portal.page('/portal/:realm/shadow', async (visit, { query }) => {
    const report = await operations.shadow.report(visit.actor, visit.realm)
    const done = DONE.get(query('done'))
    return {
      ...about('Shadow mode', visit),
      actions: visit.mayChange && buttons(visit, report),
      body: html`${done && notice('success', done)}
<p class="lead">Before a switch, a proxy sends the live requests of the old server here too. In shadow mode the realm checks each request as usual, issues no token, and counts what would have failed.</p>
${summary(report, visit)}${refusals(report, visit)}`,
    }
  })

  change(portal, operations)
  reset(portal, operations)
}

/** Announces on other pages that clients get nothing. */
export function shadowNotice(realm: string, isOn: boolean): Content {
  if (!isOn) return undefined
  return notice(
    'warning',
    html`This realm is in shadow mode: clients get no tokens. <a href="/portal/${realm}/shadow">See what would have failed</a>`,
  )
}

function about(title: string, { realm }: Visit): Omit<Page, 'body'> {
  return { title, section: 'try-it', trail: [['Try it', `/portal/${realm}/try-it`]] }
}

function buttons({ realm }: Visit, { shadowMode, since }: ShadowReport): Html {
  const here = `/portal/${realm}/shadow`
  return html`${since && html`<a class="button" href="${here}/reset">Forget the counts</a>`}<a class="button${!shadowMode && ' danger-text'}" href="${here}/change">${shadowMode ? 'Turn off' : 'Turn on'}</a>`
}

function summary({ shadowMode, since, totals, issuedClients }: ShadowReport, { now }: Visit): Html {
  const failed = [...totals].filter(([reason]) => reason !== 'issued').reduce((sum, [, n]) => sum + n, 0)
  return html`<section class="card"><dl class="facts">
<dt>State</dt><dd>${shadowMode ? badge('warning', 'On: it gives no tokens') : badge('plain', 'Off')}</dd>
<dt>Counted since</dt><dd>${when(since, now, 'Nothing was counted yet')}</dd>
<dt>Would have got a token</dt><dd>${totals.get('issued') ?? 0} requests of ${issuedClients} service accounts</dd>
<dt>Would have failed</dt><dd>${failed} requests</dd>
</dl></section>`
}

function refusals({ refused }: ShadowReport, visit: Visit): Content {
  if (refused.length === 0) return undefined
  const row = ({ clientId, reason, count, firstAt, lastAt }: ShadowCount) => html`<tr>
<td data-label="client_id">${clientId === '' ? html`<span class="muted">none, or too many strangers</span>` : named(clientId)}</td>
<td data-label="Reason">${REASONS.get(reason) ?? 'The request is refused'}<br><code class="muted">${reason}</code></td>
<td data-label="Requests">${count}</td>
<td data-label="First">${when(firstAt, visit.now)}</td>
<td data-label="Last">${when(lastAt, visit.now)}</td>
</tr>`
  return html`<div class="card flush"><table class="cards">
<thead><tr><th>client_id</th><th>Reason</th><th>Requests</th><th>First</th><th>Last</th></tr></thead>
<tbody>${refused.map(row)}</tbody></table></div>
<p class="hint">The most frequent first, at most ${MAX_SHADOW_COUNTS}; they are written every few seconds. A client_id that no account has is as the request said it.</p>`
}

const PATH = '/portal/:realm/shadow'

function change(portal: Portal, operations: Deps): void {
  portal.question(`${PATH}/change`, async (visit) => {
    const { shadowMode } = await operations.realms.find(visit.actor, visit.realm)
    const here = `/portal/${visit.realm}/shadow`
    return {
      ...about(shadowMode ? 'Turn shadow mode off' : 'Turn shadow mode on', visit),
      body: confirmation(visit, {
        action: `${here}/change`,
        button: shadowMode ? 'Turn off' : 'Turn on',
        danger: !shadowMode,
        cancel: here,
        content: html`<input type="hidden" name="shadow_mode" value="${shadowMode ? 'off' : 'on'}">
${
  shadowMode
    ? html`<p>From the next request on, clients of this realm get tokens.</p>`
    : html`<p>From the next request on, <strong>clients of this realm get no tokens</strong>, administrators who use the API among them. Tokens that were given before stay good until they expire. This is for a realm whose clients still get their tokens from another server.</p>`
}`,
      }),
    }
  })

  portal.action(`${PATH}/change`, async (visit, sent) => {
    const shadowMode = sent.get('shadow_mode') === 'on'
    await operations.realms.update(visit.actor, visit.realm, { shadowMode })
    return { redirect: `/portal/${visit.realm}/shadow?done=${shadowMode ? 'on' : 'off'}` }
  })
}

function reset(portal: Portal, operations: Deps): void {
  portal.question(`${PATH}/reset`, async (visit) => ({
    ...about('Forget the counts', visit),
    body: confirmation(visit, {
      action: `/portal/${visit.realm}/shadow/reset`,
      button: 'Forget the counts',
      cancel: `/portal/${visit.realm}/shadow`,
      content: html`<p>The counts of shadow mode restart at zero. Shadow mode stays on or off as it is.</p>`,
    }),
  }))

  portal.action(`${PATH}/reset`, async (visit) => {
    await operations.shadow.reset(visit.actor, visit.realm)
    return { redirect: `/portal/${visit.realm}/shadow?done=reset` }
  })
}
