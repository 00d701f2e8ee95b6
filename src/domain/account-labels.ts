import type { Metadata } from './custom-claim.ts'
import { Refusal } from './refusal.ts'

/** Metadata of an account that the portal shows by name: who looks after it, and words to find it by. */
const OWNER = 'owner'
const TAGS = 'tags'

const MAX_OWNER = 100
const MAX_TAGS = 10
const TAG = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._:/-]{0,39}$/u

export interface Labels {
  readonly owner: string
  readonly tags: readonly string[]
}

export function labelsOf({ metadata }: { readonly metadata: Metadata }): Labels {
  const text = (key: string) => (Object.hasOwn(metadata, key) ? (metadata[key] as string) : '')
  return { owner: text(OWNER), tags: tagsIn(text(TAGS)) }
}

function tagsIn(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((tag) => tag !== ''))]
}

/**
 * Metadata with labels as they were typed; other pairs stay.
 * @throws Refusal `invalid`
 */
export function withLabels(
  metadata: Metadata,
  typed: { readonly owner: string; readonly tags: string },
): Metadata {
  const owner = typed.owner.normalize('NFC').trim()
  if ([...owner].length > MAX_OWNER)
    throw new Refusal('invalid', `An owner has at most ${MAX_OWNER} characters.`, 'owner')
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(owner))
    throw new Refusal('invalid', 'An owner is one line of printable characters.', 'owner')
  const tags = tagsIn(typed.tags.normalize('NFC'))
  if (tags.length > MAX_TAGS) throw new Refusal('invalid', `An account has at most ${MAX_TAGS} tags.`, 'tags')
  const wrong = tags.find((tag) => !TAG.test(tag))
  if (wrong !== undefined)
    throw new Refusal(
      'invalid',
      `“${wrong.slice(0, 40)}” is no tag: 1 to 40 letters, digits and . _ : / -`,
      'tags',
    )
  const { [OWNER]: _owner, [TAGS]: _tags, ...others } = metadata
  return {
    ...others,
    ...(owner !== '' && { [OWNER]: owner }),
    ...(tags.length > 0 && { [TAGS]: tags.join(', ') }),
  }
}
