import type { AccountOrigin, RefusalCount } from '../../domain/activity.ts'
import { REFUSED_IN_WORDS, type RefusedReason } from '../../domain/refused-request.ts'
import { badge } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { when } from './times.ts'
import type { Visit } from './visit.ts'

/** Why requests were refused: reasons with their counts, and each day's as a table. */
export function refusalsCard(refusals: readonly RefusalCount[]): Content {
  if (refusals.length === 0) return undefined
  const totals = new Map<string, number>()
  for (const { reason, count } of refusals) totals.set(reason, (totals.get(reason) ?? 0) + count)
  const sorted = [...totals].sort(([, one], [, other]) => other - one)
  return html`<section class="card"><h2>Refused, for 90 days</h2><ul class="lines">${sorted.map(
    ([reason, count]) =>
      html`<li><div>${inWords(reason)} <code>${reason}</code></div><span>${count.toLocaleString('en')}</span></li>`,
  )}</ul>
<details><summary>By day</summary><table class="counts"><thead><tr><th>Day (UTC)</th><th>Reason</th><th>Refused</th></tr></thead>
<tbody>${refusals
    .toReversed()
    .map(
      ({ startsAt, reason, count }) =>
        html`<tr><td>${startsAt.toISOString().slice(0, 10)}</td><td>${inWords(reason)}</td><td>${count.toLocaleString('en')}</td></tr>`,
    )}</tbody></table></details></section>`
}

/** Another version may know more reasons. */
function inWords(reason: string): string {
  return Object.hasOwn(REFUSED_IN_WORDS, reason) ? REFUSED_IN_WORDS[reason as RefusedReason] : reason
}

/** From where an account asked, as its requests said. */
export function originsCard(visit: Visit, origins: readonly AccountOrigin[]): Html {
  const [issued, refused] = (['issued', 'refused'] as const).map((outcome) =>
    origins.filter((origin) => origin.outcome === outcome),
  ) as [AccountOrigin[], AccountOrigin[]]
  const list = (some: readonly AccountOrigin[]) =>
    html`<ul class="lines">${some.map((origin) => line(visit, origin))}</ul>`
  return html`<section class="card"><h2>From where</h2>
${issued.length > 0 ? list(issued) : html`<p class="muted">No token has been issued since the server began to note this.</p>`}
${refused.length > 0 && html`<h3>Refused there</h3>${list(refused)}<p class="hint">Any program that knows the client_id may appear here.</p>`}
<p class="hint">The last ten addresses and programs that got a token, and the last ten that did not, to the hour, for 90 days. A program says itself what it is.</p></section>`
}

function line(visit: Visit, { outcome, address, userAgent, firstAt, lastAt }: AccountOrigin): Html {
  const isNew = visit.now.getTime() - firstAt.getTime() < NEW_MILLISECONDS
  return html`<li><div><code>${address}</code>${outcome === 'issued' && isNew && html` ${badge('info', 'New today')}`}
<p class="muted wrap">${userAgent === '' ? 'no user agent' : named(userAgent)}</p></div><span>${when(lastAt, visit.now)}</span></li>`
}

const NEW_MILLISECONDS = 86_400_000
