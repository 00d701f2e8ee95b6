import { type BusyClient, type RealmActivity, startOf, type TokenCount } from '../../domain/activity.ts'
import type { Realm } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import { activityChart } from './activity-chart.ts'
import { refusalsCard } from './activity-details.ts'
import { type Content, type Html, html } from './html.ts'
import { icon } from './icons.ts'
import { leaksBanner } from './leaks.ts'
import { addressOf } from './service-account-frame.ts'
import type { Portal, Visit } from './visit.ts'

/** A client that gets so many times as many tokens as it needs does not keep them. */
const WASTEFUL = 10

/** Home page of a realm: what it was asked for, by whom most, and what needs attention. */
export function realmActivityScreen(
  portal: Portal,
  operations: Pick<Operations, 'realms' | 'activity' | 'leakedSecrets'>,
): void {
  portal.page('/portal/:realm/activity', async (visit) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const activity = await operations.activity.ofRealm(visit.actor, visit.realm)
    const leaks = await operations.leakedSecrets.listOpen(visit.actor, visit.realm)
    return {
      title: 'Activity',
      section: 'activity',
      body: html`${leaksBanner(visit, leaks)}
${figures(visit, realm, activity)}
${activityChart('hour', activity.hour, visit.now)}
${activityChart('day', activity.day, visit.now)}
${refusalsCard(activity.refusals)}
${busiestCard(visit, activity.busiest)}
${attention(visit)}
<p class="hint">Counts are about a minute late, and days begin at midnight UTC.</p>`,
    }
  })
}

function figures({ now }: Visit, realm: Realm, { day, busiest }: RealmActivity): Html {
  const today = day.find(({ startsAt }) => startsAt.getTime() === startOf('day', now).getTime())
  const of = (name: keyof Pick<TokenCount, 'issued' | 'refused'>) => (today?.[name] ?? 0).toLocaleString('en')
  const active = busiest?.filter(({ issued }) => issued > 0).length
  const asked = active === undefined ? 'very many' : active < 20 ? `${active}` : '20 or more'
  const figure = (value: string, words: string) =>
    html`<div class="figure"><dt>${words}</dt><dd>${value}</dd></div>`
  return html`<dl class="figures">${figure(of('issued'), 'tokens issued today')}${figure(of('refused'), 'requests refused today')}${figure(asked, 'accounts that got tokens today')}${figure(`${realm.serviceAccountCount.toLocaleString('en')} of ${realm.serviceAccountLimit.toLocaleString('en')}`, 'service accounts')}</dl>`
}

function busiestCard(visit: Visit, busiest: readonly BusyClient[] | undefined): Html {
  if (busiest === undefined)
    return html`<section class="card"><h2>Busiest today</h2><p class="muted">There are too many accounts to compare them while you wait.</p></section>`
  if (busiest.length === 0)
    return html`<section class="card"><h2>Busiest today</h2><p class="muted">No account has asked for a token today.</p></section>`
  const wasteful = ({ issued, needed }: BusyClient): Content =>
    issued >= WASTEFUL * needed &&
    html`<p class="muted">${needed} would have been enough for one process: it seems not to keep its tokens.</p>`
  return html`<section class="card"><h2>Busiest today</h2><ul class="lines">${busiest.map(
    (client) =>
      html`<li><div><a href="${addressOf(visit, client.clientId)}/activity"><code class="wrap">${client.clientId}</code></a>${wasteful(client)}</div><span>${client.issued.toLocaleString('en')} issued, ${client.refused.toLocaleString('en')} refused</span></li>`,
  )}</ul></section>`
}

function attention({ realm }: Visit): Html {
  const link = (query: string, words: string) =>
    html`<li><a class="tile" href="/portal/${realm}/${query}">${words}${icon('chevron-right')}</a></li>`
  return html`<h2>Worth a look</h2><ul class="tiles">${link('service-accounts?need=leaked', 'Accounts with a leaked secret')}${link('service-accounts?need=rotating', 'Rotations under way')}${link('service-accounts?need=unused', 'Not used for 90 days')}${link('audit?outcome=refused', 'Refused attempts to change something')}</ul>`
}
