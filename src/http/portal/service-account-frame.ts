import type { ServiceAccount } from '../../domain/service-account.ts'
import { type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import type { Visit } from './visit.ts'

export function addressOf({ realm }: Visit, clientId: string): string {
  return `/portal/${realm}/service-accounts/${encodeURIComponent(clientId)}`
}

/** Top of every page about an account. */
export function about(visit: Visit, account: ServiceAccount, title?: string): Omit<Page, 'body'> {
  const list = ['Service Accounts', `/portal/${visit.realm}/service-accounts`] as const
  const itself = [account.name, addressOf(visit, account.clientId)] as const
  return {
    title: title ?? account.name,
    section: 'service-accounts',
    trail: title === undefined ? [list] : [list, itself],
  }
}

export type Tab = 'overview' | 'activity' | 'permissions' | 'claims' | 'workload-identities'

export function tabs(visit: Visit, { clientId }: ServiceAccount, open: Tab): Html {
  const here = addressOf(visit, clientId)
  const tab = (name: string, title: string, href: string) =>
    html`<li><a href="${href}"${name === open && html` aria-current="page"`}>${title}</a></li>`
  return html`<nav class="tabs" aria-label="Service account"><ul>${tab('overview', 'Overview', here)}${tab('activity', 'Activity', `${here}/activity`)}${tab('permissions', 'Permissions', `${here}/permissions`)}${tab('claims', 'Claims', `${here}/claims`)}${tab('workload-identities', 'Workload identities', `${here}/workload-identities`)}</ul></nav>`
}
