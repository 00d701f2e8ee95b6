import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { BUILT_IN_ROLES, DEFAULT_ROLE } from '../../domain/role.ts'
import type { Operations } from '../../operations/operations.ts'
import { type LikeAccount, likeAccount } from '../../operations/resources/account-template.ts'
import { choices, more } from './choices.ts'
import { countOf } from './device-words.ts'
import { notice, roleBadges } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, type Html, html, named } from './html.ts'
import { pastedFields, readPasted } from './pasted-fields.ts'
import { meaningOf } from './role-meanings.ts'
import { addressOf } from './service-account-frame.ts'
import type { Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts' | 'grants'>

/** The account that a new one is made like. */
export type Pattern = Awaited<ReturnType<typeof likeAccount>>

/** `undefined`: none was chosen. @throws Refusal `not_found` */
export function patternOf(operations: Deps, visit: Visit, clientId: string): Promise<Pattern | undefined> {
  return clientId === ''
    ? Promise.resolve(undefined)
    : likeAccount(operations, visit.actor, visit.realm, clientId)
}

/** What a new account takes over, in words. */
export function patternNotice(visit: Visit, pattern: Pattern | undefined): Content {
  if (!pattern) return undefined
  const { account, like } = pattern
  const parts: Content[] = [html`the scopes ${like.scopes?.join(', ') ?? 'of the realm'}`]
  if (like.introspectsAudiences)
    parts.push(html`introspected audiences ${like.introspectsAudiences.join(', ')}`)
  if (like.claims?.length) parts.push(countOf(like.claims.length, 'claim'))
  const metadata = Object.keys(like.metadata ?? {})
  if (metadata.length > 0) parts.push(html`metadata ${metadata.join(', ')}`)
  if (like.allowedNetworks) parts.push(html`allowed networks ${like.allowedNetworks.join(', ')}`)
  if (like.maxSecretAgeSeconds !== undefined) parts.push('the greatest age of its secrets')
  if (like.quota) parts.push(`its quota (${like.quota.mode})`)
  parts.push(countOf(like.grants?.length ?? 0, 'grant'))
  return notice(
    'info',
    html`<p><strong>Like <a href="${addressOf(visit, account.clientId)}">${named(account.name)}</a></strong>, it gets ${roleBadges(like.roles ?? [])} unless you tick others, and:</p>
<ul class="plain-list">${parts.map((part) => html`<li class="wrap">${part}</li>`)}</ul>
<p>Secrets, keys and the end date are not copied. <a href="/portal/${visit.realm}/service-accounts/create">Start from nothing</a></p>`,
  )
}

/** Roles on the realm, and grants. */
export function permissionFields(realm: Realm, pattern: Pattern | undefined): Html {
  const chosen = pattern?.like.roles ?? [DEFAULT_ROLE]
  const roles = [...BUILT_IN_ROLES, ...realm.roles].map((role) => ({
    value: role,
    label: html`<strong>${named(role)}</strong>`,
    hint: meaningOf(role),
    isChosen: chosen.includes(role),
  }))
  const carried =
    pattern &&
    html`<input type="hidden" name="like" value="${pattern.account.clientId}"><input type="hidden" name="like_version" value="${pattern.account.version}">`
  const contents = html`<div class="stack inner">
${choices({ type: 'checkbox', name: 'role', legend: 'Roles in the whole realm', refusedAs: 'roles' }, roles)}
<fieldset><legend>And on single devices or groups</legend>${pastedFields(realm, { mayBeEmpty: true })}</fieldset></div>`
  return html`${carried}${more('Roles and devices', contents, pattern !== undefined)}`
}

/** Permissions by the form, and by the account that it is made like. @throws Refusal `invalid`; `changed_meanwhile` if that is not as it was */
export function readPermissions(sent: Fields, realm: Realm, pattern: Pattern | undefined): LikeAccount {
  const { account, like = {} } = pattern ?? {}
  if (account && account.version !== Number(sent.get('like_version')))
    throw new Refusal(
      'changed_meanwhile',
      `${account.name} was changed meanwhile: look again at what the new account takes over.`,
      'like',
    )
  const roles = sent.getAll('role')
  const grants = [...(like.grants ?? []), ...readPasted(sent, realm)]
  return { ...like, ...(roles.length > 0 && { roles }), grants }
}
