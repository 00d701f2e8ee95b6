import type { Access } from '../../domain/authority.ts'
import { LINK_SECONDS } from '../../domain/portal-session.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import type { BrowserSession } from '../../operations/portal/browser-sessions.ts'
import { choices } from './choices.ts'
import { atMost, badge, confirmation, copyable, field, form, notice } from './elements.ts'
import { type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/people'

const ROLES = {
  view: 'a viewer',
  administer: 'an Account Admin',
  platform: 'a platform administrator',
} as const

const DONE: ReadonlyMap<string, string> = new Map([
  ['ended', 'The session is ended: its next request must sign in again.'],
  ['all-ended', 'All other sessions are ended.'],
])

/** Who is signed in to the portal of the realm, and one-time links for others. */
export function peopleScreen(portal: Portal, operations: Pick<Operations, 'portal' | 'singleSignOn'>): void {
  portal.question(PATH, async (visit, { query }) => {
    const sessions = await operations.portal.listSessions(visit.actor, visit.realm)
    const done = DONE.get(query('done'))
    return {
      ...aboutPeople(),
      body: html`${done && notice('success', done)}
<p class="lead">People who are signed in to the portal of this realm. A session ends after half an hour without a click, and after eight hours.</p>
<section class="card"><div class="section-head"><h2>Signed in: ${sessions.length}</h2>${sessions.length > 1 && html`<a class="button small danger-text" href="/portal/${visit.realm}/people/end-others">${icon('x-mark')}End all others</a>`}</div>
<ul class="lines">${sessions.map((session) => line(visit, session))}</ul></section>
${linkCard(visit, operations.singleSignOn.enabled)}`,
    }
  })

  portal.action(`${PATH}/link`, async (visit, sent) => {
    const platform = sent.get('access') === 'platform'
    const access: Access = sent.get('access') === 'view' ? 'view' : 'administer'
    const person = sent.get('person').trim()
    if (person === '')
      throw new Refusal('invalid', 'Say for whom it is: the name stands in the audit trail.', 'person')
    const { url } = await operations.portal.createLink(visit.actor, visit.realm, { person, access, platform })
    return linkMade(visit, { url, person, role: platform ? ROLES.platform : ROLES[access] })
  })
  endScreens(portal, operations)
}

function endScreens(portal: Portal, operations: Pick<Operations, 'portal'>): void {
  portal.question(`${PATH}/sessions/:id/end`, async (visit, { params }) => {
    const sessions = await operations.portal.listSessions(visit.actor, visit.realm)
    const session = sessions.find(({ id }) => id === params['id'])
    if (!session) throw new Refusal('not_found', 'There is no such session, or it has ended.', 'id')
    return ending(visit, {
      title: 'End a session',
      action: `sessions/${session.id}/end`,
      content: html`<p>End the session of ${named(session.displayName)} from ${session.address}? Their next click leads to the sign-in.</p>
${session.byLink ? html`<p class="hint">The one-time link is used up: they need a new one to come back.</p>` : session.entered ? html`<p class="hint">As a platform administrator they can come back.</p>` : html`<p class="hint">They can sign in again at the identity provider, unless it no longer lets them in.</p>`}`,
    })
  })

  portal.action(`${PATH}/sessions/:id/end`, async (visit, _sent, { params }) => {
    await operations.portal.endSessions(visit.actor, visit.realm, undefined, params['id'])
    return { redirect: `/portal/${visit.realm}/people?done=ended` }
  })

  portal.question(`${PATH}/end-others`, async (visit) =>
    ending(visit, {
      title: 'End all other sessions',
      action: 'end-others',
      content: html`<p>End all sessions of this realm but your own? Each next click leads to the sign-in.</p>`,
    }),
  )

  portal.action(`${PATH}/end-others`, async (visit) => {
    const sessions = await operations.portal.listSessions(visit.actor, visit.realm)
    for (const { id } of sessions.filter((session) => !isOwn(visit, session)))
      await operations.portal.endSessions(visit.actor, visit.realm, undefined, id).catch(unlessEnded)
    return { redirect: `/portal/${visit.realm}/people?done=all-ended` }
  })
}

function unlessEnded(error: unknown): void {
  if (!(error instanceof Refusal) || error.code !== 'not_found') throw error
}

function aboutPeople(): Omit<Page, 'body'> {
  return { title: 'People', section: 'people' }
}

function isOwn(visit: Visit, { id }: BrowserSession['stored']): boolean {
  return visit.sessions.some(({ idHash, stored }) => idHash === visit.idHash && stored.id === id)
}

function line(visit: Visit, session: BrowserSession['stored']): Html {
  const { id, displayName, subject, address, createdAt, seenAt } = session
  return html`<li><div><strong>${named(displayName)}</strong> ${badge('plain', roleIn(session))}${isOwn(visit, session) && html` ${badge('info', 'You')}`}
<p class="muted">${wayIn(session)}: <code class="wrap">${subject}</code></p>
<p class="muted">from ${address}, since ${when(createdAt, visit.now)}; last click ${when(seenAt, visit.now)}</p></div>
${!isOwn(visit, session) && html`<a class="button small danger-text" href="/portal/${visit.realm}/people/sessions/${id}/end" aria-label="End the session of ${displayName}">${icon('x-mark')}End</a>`}</li>`
}

function roleIn({ access, platform, entered }: BrowserSession['stored']): string {
  if (platform || entered) return 'Platform administrator'
  return access === 'view' ? 'Viewer' : 'Account Admin'
}

function wayIn({ byLink, entered }: BrowserSession['stored']): string {
  if (entered) return 'from the list of realms'
  return byLink ? 'by one-time link' : 'by single sign-on'
}

const ACCESS: readonly (readonly [value: string, title: string, hint: string])[] = [
  ['view', 'Viewer', 'Sees all, changes nothing.'],
  ['administer', 'Account Admin', 'Changes what is in this realm.'],
  ['platform', 'Platform administrator', 'Makes, opens and deletes realms, as you may.'],
]

function accessChoices({ platform }: Visit['session']): Html {
  const offered = ACCESS.filter(([value]) => platform || value !== 'platform')
  return choices(
    { type: 'radio', name: 'access', legend: 'As' },
    offered.map(([value, title, hint]) => ({
      value,
      label: html`<strong>${title}</strong>`,
      hint,
      isChosen: value === 'view',
    })),
  )
}

function linkCard(visit: Visit, singleSignOn: boolean): Html {
  return html`<section class="card narrow"><h2>Let somebody in by a one-time link</h2>
${singleSignOn && html`<p class="hint">For people whom the identity provider does not know.</p>`}
${form(
  visit,
  `/portal/${visit.realm}/people/link`,
  html`${field('person', 'For whom', { hint: 'The name is shown in the portal, the audit trail and the list of sessions.', attributes: html`required ${atMost(100)}` })}
${accessChoices(visit.session)}
<div class="buttons"><button class="primary">Make a link</button></div>`,
)}</section>`
}

interface Made {
  readonly url: string
  readonly person: string
  readonly role: string
}

function linkMade(visit: Visit, { url, person, role }: Made): Page {
  return {
    ...aboutPeople(),
    title: 'A one-time link',
    trail: [['People', `/portal/${visit.realm}/people`]],
    settleAt: `/portal/${visit.realm}/people`,
    body: html`<section class="card narrow" data-secret>
<p>It lets ${named(person)} in, once, within ${LINK_SECONDS / 60} minutes, as ${role}. It is shown only now. Anyone who has it can sign in.</p>
${copyable('link', 'link', url)}
<p class="buttons"><a class="button" href="/portal/${visit.realm}/people">Back to People</a></p></section>`,
  }
}

interface Ending {
  readonly title: string
  readonly action: string
  readonly content: Html
}

function ending({ realm, ...visit }: Visit, { title, action, content }: Ending): Page {
  const list = `/portal/${realm}/people`
  return {
    ...aboutPeople(),
    title,
    trail: [['People', list]],
    body: confirmation(
      { ...visit, realm },
      { action: `${list}/${action}`, button: 'End', danger: true, cancel: list, content },
    ),
  }
}
