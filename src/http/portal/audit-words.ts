import type { AuditAction, RecordedAuditEvent } from '../../domain/audit-event.ts'
import { wordsOf } from './form-fields.ts'
import { type Content, type Html, html, named } from './html.ts'

const LABELS: Readonly<Record<AuditAction, string>> = {
  'realm.create': 'Create the realm',
  'realm.update': 'Change the realm',
  'realm.apply': 'Apply a realm file',
  'realm.delete': 'Delete the realm',
  'service-account.create': 'Create a service account',
  'service-account.update': 'Change a service account',
  'service-account.delete': 'Delete a service account',
  'service-account.enable': 'Enable a service account',
  'service-account.disable': 'Disable a service account',
  'service-account.reset-secret': 'Reset a secret',
  'service-account.rotate-secret': 'Rotate a secret with overlap',
  'service-account.delete-secret': 'End a secret',
  'service-account.add-key': 'Add a public key',
  'service-account.update-key': 'Change a public key',
  'service-account.delete-key': 'Delete a public key',
  'service-account.leaked-secret': 'Leaked secret reported',
  'workload-identity.add': 'Add a workload identity',
  'workload-identity.delete': 'Delete a workload identity',
  'trusted-issuer.create': 'Trust an issuer',
  'trusted-issuer.update': 'Change a trusted issuer',
  'trusted-issuer.delete': 'Delete a trusted issuer',
  'trusted-issuer.end-tokens': 'Tokens of a trusted issuer ended',
  'service-account.revoke-tokens': 'Revoke all tokens',
  'role.add': 'Give a role on the realm',
  'role.remove': 'Take a role on the realm away',
  'grant.add': 'Grant a role',
  'grant.remove': 'Take a role away',
  'grant.replace': 'Replace all grants',
  'resource.create': 'Create a resource',
  'resource.import': 'Import resources',
  'service-account.import': 'Import service accounts',
  'resource.update': 'Change a resource',
  'resource.delete': 'Delete a resource',
  'key.rotate': 'Rotate the key',
  'key.revoke': 'Revoke a key',
  'key.publish-foreign': 'Publish keys of another server',
  'key.withdraw-foreign': 'Withdraw a key of another server',
  'token.revoke': 'Revoke a token',
  'shadow.read': 'Read the counts of shadow mode',
  'shadow.reset': 'Forget the counts of shadow mode',
  'key.create-current': 'Make a key',
  'key.create-next': 'Publish the next key',
  'key.promote-next': 'Sign with the next key',
  'key.remove-retired': 'Remove a retired key',
  'key.replace-next': 'Replace the next key',
  'master-key.rotate': 'Rotate the master key',
  'policy.update': 'Change the policy',
  'webhook.create': 'Add a web hook',
  'webhook.update': 'Change a web hook',
  'webhook.delete': 'Delete a web hook',
  'webhook.test': 'Send a test to a web hook',
  'webhook.redeliver': 'Send a delivery of a web hook again',
  'webhook.pause': 'Web hook paused',
  'portal.link': 'Make a one-time link',
  'portal.sign-in': 'Sign in to the portal',
  'portal.sign-out': 'Sign out of the portal',
  'portal.end-sessions': 'End portal sessions',
  'portal.session-end': 'Portal session ended by the identity provider',
  'realm.list': 'List realms',
  'realm.read': 'Read the realm',
  'service-account.list': 'List service accounts',
  'service-account.read': 'Read a service account',
  'service-account.list-secrets': 'List secrets',
  'service-account.list-keys': 'List public keys',
  'service-account.preview-token': 'Preview a token',
  'service-account.list-workload-identities': 'List workload identities',
  'trusted-issuer.list': 'List trusted issuers',
  'trusted-issuer.read': 'Read a trusted issuer',
  'trusted-issuer.explain': 'Explain a platform token',
  'grant.list': 'List grants',
  'resource.list': 'List resources',
  'resource.read': 'Read a resource',
  'key.list': 'List keys',
  'policy.read': 'Read the policy',
  'webhook.list': 'List web hooks',
  'webhook.read': 'Read a web hook',
  'webhook.list-deliveries': 'List deliveries of a web hook',
  'portal.list-sessions': 'List portal sessions',
  'audit-event.list': 'Read the audit trail',
  'audit-event.export': 'Export the audit trail',
}

/** Labels of actions; an action of another version keeps its name. */
export const WORDS: ReadonlyMap<string, string> = new Map(Object.entries(LABELS))

/** What changed: a line for each member whose value differs, in its own words. */
interface Change {
  readonly member: string
  readonly before: unknown
  readonly after: unknown
}

/** The change in one line: what was done, and from what to what. */
export function changeInWords({ action, details }: RecordedAuditEvent): Html {
  const lines = changesIn(details).map(changeLine)
  return html`${WORDS.get(action) ?? action}${lines.length > 0 && html`: ${lines.map((line, at) => html`${at > 0 && '; '}${line}`)}`}`
}

/** Details of an event: what changed, then the rest, and all of it as it is recorded. */
export function detailsOf({ details }: RecordedAuditEvent): Content {
  const { before: _, after: __, name: ___, actor_name: ____, change: _____, ...rest } = details
  const changes = changesIn(details)
  const others = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined)
  if (Object.keys(details).length === 0) return undefined
  return html`<details><summary>Details</summary><pre>${JSON.stringify(details, undefined, 2)}</pre></details>
<ul class="rule-list changes">${changes.map((change) => html`<li>${changeLine(change)}</li>`)}${others.map(
    ([member, value]) => html`<li><span class="muted">${wordsOf(member)}:</span> ${shown(value)}</li>`,
  )}</ul>`
}

function changesIn({ before, after }: Record<string, unknown>): Change[] {
  const [old, now] = [before, after].map(membersOf) as [Members, Members]
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .map((member) => ({ member, before: old[member], after: now[member] }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after))
}

type Members = Record<string, unknown>

function membersOf(value: unknown): Members {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Members) : {}
}

/** One changed member; for lists, what came and what went. */
function changeLine({ member, before, after }: Change): Html {
  const label = html`<span class="muted">${wordsOf(member)}:</span>`
  if (Array.isArray(before) && Array.isArray(after)) {
    const [old, now] = [before, after].map((list: unknown[]) => list.map(text)) as [string[], string[]]
    const gone = old.filter((one) => !now.includes(one)).map((one) => html`<del>${named(one)}</del> `)
    const added = now.filter((one) => !old.includes(one)).map((one) => html`<ins>${named(one)}</ins> `)
    if (gone.length + added.length > 0) return html`${label} ${gone}${added}`
  }
  return html`${label} <del>${shown(before)}</del> → <ins>${shown(after)}</ins>`
}

function shown(value: unknown): Html {
  if (value === null || value === undefined || value === '') return html`<span class="muted">none</span>`
  return named(text(value))
}

function text(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.map(text).join(', ')
  if (value !== null && typeof value === 'object')
    return Object.entries(value)
      .map(([name, one]) => `${name}: ${text(one)}`)
      .join(', ')
  return String(value)
}
