import { groupTypeOf, type ProtectedResource, type ResourceKey } from '../../domain/protected-resource.ts'
import { type Content, type Html, html, named } from './html.ts'
import type { Visit } from './visit.ts'

/** Labels for people; other types keep the realm's name. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['device', 'Device'],
  ['device_group', 'Device group'],
])

/** Groups that a line of a list names. */
const NAMED_GROUPS = 3

export function typeInWords(type: string): string {
  return TYPES.get(type) ?? type
}

export function deviceAddress({ realm }: Visit, { type, id }: ResourceKey): string {
  return `/portal/${realm}/devices/${encodeURIComponent(type)}/${encodeURIComponent(id)}`
}

/** In one text, as the command line and addresses have it. */
export function keyText({ type, id }: ResourceKey): string {
  return `${type}/${id}`
}

/** A type has no slash. `undefined`: not a key of a resource. */
export function keyIn(text: string): ResourceKey | undefined {
  const [, type, id] = /^([^/]+)\/(.+)$/s.exec(text) ?? []
  return type === undefined || id === undefined ? undefined : { type, id }
}

/** A link to each group that it is in. */
export function groupLinks(
  visit: Visit,
  { type, groups }: Pick<ProtectedResource, 'type' | 'groups'>,
  shown = NAMED_GROUPS,
): Content {
  if (groups.length === 0) return html`<span class="muted">none</span>`
  const links = groups.slice(0, shown).map((id, at): Html => {
    const address = deviceAddress(visit, { type: groupTypeOf(type), id })
    return html`${at > 0 && ', '}<a href="${address}">${named(id)}</a>`
  })
  const more = groups.length - shown
  return html`<span class="wrap">${links}</span>${more > 0 && html` <span class="muted">and ${more} more</span>`}`
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}
