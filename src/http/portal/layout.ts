import type { FastifyReply } from 'fastify'
import type { PortalSession } from '../../domain/portal-session.ts'
import { SYSTEM_REALM } from '../../domain/realm.ts'
import type { Assets } from './assets.ts'
import { type Content, type Html, html, named } from './html.ts'
import { type IconName, icon } from './icons.ts'

export type Section =
  | 'realms'
  | 'activity'
  | 'service-accounts'
  | 'devices'
  | 'claims'
  | 'trusted-issuers'
  | 'keys'
  | 'audit'
  | 'webhooks'
  | 'people'
  | 'settings'
  | 'try-it'

export interface Page {
  readonly title: string
  /** Which of several pages about one thing it is, for the window's title. */
  readonly tab?: string
  /** The open item of the navigation. */
  readonly section?: Section
  /** Page of the documentation and heading, where it is not that of the section. */
  readonly help?: string
  /** Breadcrumbs: names and URLs, outermost first. */
  readonly trail?: readonly (readonly [string, string])[]
  /** Content beside the title. */
  readonly actions?: Content
  readonly body: Content
  readonly status?: number
  /** When to retry. */
  readonly retryAfterSeconds?: number
  /** URL for the address bar after a page that answers a form, so that a reload does not send it again. */
  readonly settleAt?: string
}

/** What the frame around a page shows of a signed-in person. */
export interface SignedIn {
  readonly realm: string
  readonly session: PortalSession
  readonly formToken: string
  readonly mayChange: boolean
  /** All live sessions of the browser, this one among them. */
  readonly sessions: readonly { readonly stored: Pick<PortalSession, 'realm'> }[]
}

export interface Layout {
  send(reply: FastifyReply, page: Page, visit?: SignedIn): FastifyReply
}

const SECTIONS: readonly (readonly [Section, string, IconName])[] = [
  ['service-accounts', 'Service Accounts', 'cpu-chip'],
  ['devices', 'Devices', 'server-stack'],
  ['activity', 'Activity', 'chart-bar'],
  ['claims', 'Claims', 'tag'],
  ['trusted-issuers', 'Trusted issuers', 'shield-check'],
  ['keys', 'Keys', 'key'],
  ['audit', 'Audit', 'clipboard-document-list'],
  ['webhooks', 'Web hooks', 'bell'],
  ['people', 'People', 'users'],
  ['settings', 'Realm settings', 'cog-6-tooth'],
  ['try-it', 'Try it', 'play'],
]

const PLATFORM_SECTIONS: typeof SECTIONS = [['realms', 'Realms', 'building-office-2'], ...SECTIONS]

function sectionsFor({ session, mayChange }: SignedIn): typeof SECTIONS {
  if (session.platform) return PLATFORM_SECTIONS
  return SECTIONS.filter(([section]) => mayChange || section !== 'people')
}

/** Pages of the documentation and their headings, by section. */
const HELP: Readonly<Record<Section, string>> = {
  realms: 'portal#platform-administrators',
  activity: 'portal#activity-people-and-settings',
  'service-accounts': 'portal#service-accounts',
  devices: 'portal#devices',
  claims: 'claims',
  'trusted-issuers': 'portal#trusted-issuers',
  keys: 'keys',
  audit: 'administer#the-audit-trail',
  webhooks: 'webhooks',
  people: 'portal#one-time-links',
  settings: 'administer#what-an-account-admin-may-set',
  'try-it': 'get-a-token',
}

/** @param docsUrl base of the documentation site; `undefined`: no help links */
export function createLayout(assets: Assets, docsUrl?: string): Layout {
  return {
    send(reply, page, visit) {
      const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${[page.title, page.tab, visit?.realm, 'Mintmark'].filter((part) => part !== undefined).join(' · ')}</title>
<link rel="icon" href="${assets.mark}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.style}">
<script src="${assets.script}" defer></script>
</head>
<body${page.settleAt !== undefined && html` data-settle-at="${page.settleAt}"`}>
<a class="skip" href="#main">Skip to content</a>
${visit ? inside(assets, page, visit, docsUrl) : outside(assets, page)}
</body>
</html>
`
      if (page.retryAfterSeconds !== undefined) reply.header('retry-after', page.retryAfterSeconds)
      return reply
        .code(page.status ?? 200)
        .header('content-type', 'text/html; charset=utf-8')
        .send(document.toString())
    },
  }
}

function inside(assets: Assets, page: Page, visit: SignedIn, docsUrl: string | undefined): Html {
  const { realm, session, formToken } = visit
  const base = `/portal/${realm}`
  return html`<div class="shell">
<header class="side"><div class="side-inner">
  <a class="brand" href="${base}/service-accounts"><img src="${assets.mark}" alt="" width="28" height="28">Mintmark</a>
  ${realmSwitcher(visit)}
  <nav aria-label="Settings">
    <p class="eyebrow" aria-hidden="true">Settings</p>
    <ul>${sectionsFor(visit).map(
      ([section, title, picture]) =>
        html`<li><a href="${base}/${section}"${section === page.section && html` aria-current="page"`}>${icon(picture)}${title}</a></li>`,
    )}${docsUrl !== undefined && helpLink(docsUrl, page.help ?? HELP[page.section ?? 'service-accounts'])}</ul>
  </nav>
  <div class="who">
    ${icon('user-circle')}
    <p>${named(session.displayName)}<span class="muted">${roleOf(visit)}</span></p>
    <form method="post" action="${base}/sign-out">
      <input type="hidden" name="form_token" value="${formToken}">
      <button class="quiet square" title="Sign out">${icon('arrow-right-start-on-rectangle')}<span class="unseen">Sign out</span></button>
    </form>
  </div>
</div></header>
<main id="main" tabindex="-1">
  <nav class="trail" aria-label="Breadcrumb"><ol><li>Settings</li>${(page.trail ?? []).map(
    ([title, href]) => html`<li><a href="${href}">${named(title)}</a></li>`,
  )}</ol></nav>
  <div class="heading"><h1>${named(page.title)}</h1><div class="actions">${page.actions}</div></div>
  ${page.body}
</main>
</div>`
}

/** The realms that the browser is signed in to. */
function realmSwitcher({ realm, session, sessions, formToken }: SignedIn): Html {
  const names = new Set(sessions.map(({ stored }) => stored.realm))
  const others = [...names].filter((name) => name !== realm).toSorted()
  return html`<details class="realm"><summary><span><span class="eyebrow">Realm</span>${realm}</span>${icon('chevron-down')}<span class="unseen">: switch</span></summary>
<div class="menu"><ul>${others.map((name) => html`<li><a href="/portal/${name}/service-accounts">${name}</a></li>`)}
${(session.entered || session.platform) && html`<li><a href="/portal/${SYSTEM_REALM}/realms">All realms</a></li>`}<li><a class="muted" href="/portal?realm=">${icon('plus')}Sign in to another realm</a></li></ul>
${
  others.length > 0 &&
  html`<form method="post" action="/portal/${realm}/sign-out"><input type="hidden" name="form_token" value="${formToken}"><input type="hidden" name="realms" value="all"><button class="quiet small wide">Sign out of all ${names.size} realms</button></form>`
}</div></details>`
}

function helpLink(docsUrl: string, help: string): Html {
  const [page, heading] = help.split('#')
  const href = `${docsUrl}/docs/${page}.html${heading === undefined ? '' : `#${heading}`}`
  return html`<li><a href="${href}" target="_blank" rel="noopener">${icon('information-circle')}Help</a></li>`
}

function roleOf({ mayChange, session }: SignedIn): string {
  if (session.platform || session.entered) return 'Platform administrator'
  if (!mayChange) return 'Viewer, read only'
  return session.byLink ? 'By one-time link' : 'Account Admin'
}

function outside(assets: Assets, page: Page): Html {
  return html`<main id="main" class="gate" tabindex="-1">
<div class="card">
  <p class="brand"><img src="${assets.mark}" alt="" width="32" height="32">Mintmark</p>
  <h1>${page.title}</h1>
  ${page.body}
</div>
</main>`
}
