import { type Content, html } from './html.ts'
import { icon } from './icons.ts'
import type { Asked } from './visit.ts'

/** Pages that one can go back from. */
const MAX_BACK = 50

interface Pager {
  /** Where the next page begins, if there is one. */
  readonly next: string | undefined
  /** Searches and filters, which every page keeps. */
  readonly kept: Readonly<Record<string, string>>
  readonly forth?: string
  readonly fragment?: string
}

/** Links to the page before and to the next one. Lists know only where the next page begins: links carry the others. */
export function pager({ query }: Asked, { next, kept, forth = 'Next', fragment = '' }: Pager): Content {
  const after = query('after')
  const before = query('back')
    .split(' ')
    .filter((one) => one !== '')
  const link = (to: string, back: readonly string[]) => {
    const all = { after: to, ...kept, back: back.slice(-MAX_BACK).join(' ') }
    const used = Object.entries(all).filter(([, value]) => value !== '')
    return `?${new URLSearchParams(used).toString()}${fragment}`
  }
  const previous = decodeURIComponent(before.at(-1) ?? '')
  const here = after === '' ? [] : [encodeURIComponent(after)]
  if (after === '' && next === undefined) return undefined
  return html`<p class="pager">${after !== '' && html`<a class="button small" href="${link(previous, before.slice(0, -1))}">Back</a>`}
${next !== undefined && html`<a class="button small" href="${link(next, [...before, ...here])}">${forth}${icon('chevron-right')}</a>`}</p>`
}
