import { labelsOf, withLabels } from '../../domain/account-labels.ts'
import type { Metadata } from '../../domain/custom-claim.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { atMost, field } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, type Html, html, named } from './html.ts'

/** Owner and tags; a tag finds what else has it. */
export function labels(realm: string, account: ServiceAccount): Content {
  const { owner, tags } = labelsOf(account)
  if (owner === '' && tags.length === 0) return undefined
  const list = `/portal/${realm}/service-accounts`
  return html`<span class="labels">${owner !== '' && html`<span class="muted">${named(owner)}</span>`}${tags.map(
    (tag) => html`<a class="tag" href="${list}?search=${encodeURIComponent(tag)}">${named(tag)}</a>`,
  )}</span>`
}

export interface TypedLabels {
  readonly owner: string
  readonly tags: string
}

export function typedLabelsOf(account: Pick<ServiceAccount, 'metadata'>): TypedLabels {
  const { owner, tags } = labelsOf(account)
  return { owner, tags: tags.join(', ') }
}

export function labelFields({ owner, tags }: TypedLabels): Html {
  return html`${field('owner', 'Owner (optional)', {
    value: owner,
    hint: 'Who looks after it: a team or a person.',
    attributes: atMost(100),
  })}
${field('tags', 'Tags (optional)', {
  value: tags,

  hint: 'Words to find it by, separated by commas.',
  attributes: atMost(450),
})}`
}

/** Metadata with the labels of a form; a form without these fields changes nothing. @throws Refusal `invalid` */
export function readLabels(sent: Fields, metadata: Metadata): Metadata {
  const before = typedLabelsOf({ metadata })
  const names = sent.names()
  const typed = (name: 'owner' | 'tags') => (names.includes(name) ? sent.get(name) : before[name])
  const labels = { owner: typed('owner'), tags: typed('tags') }
  // A value from the command line or an import stays as it is until somebody changes it here.
  const isSame = labels.owner === before.owner && labels.tags === before.tags
  return isSame ? metadata : withLabels(metadata, labels)
}
