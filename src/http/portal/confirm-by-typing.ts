import type { ServiceAccount } from '../../domain/service-account.ts'
import { field } from './elements.ts'
import type { Fields } from './form-fields.ts'
import type { Content, Html } from './html.ts'
import { html } from './html.ts'

const LATELY_MILLISECONDS = 30 * 86_400_000

/** An account that was used lately is likely to be in use: deleting it by mistake stops something. */
export function wasUsedLately({ lastUsedAt }: Pick<ServiceAccount, 'lastUsedAt'>, now: Date): boolean {
  return lastUsedAt !== undefined && now.getTime() - lastUsedAt.getTime() < LATELY_MILLISECONDS
}

export function typeToConfirm(label: Content, fault?: string): Html {
  return field('confirm', label, {
    fault,
    attributes: html`required spellcheck="false" autocapitalize="none"`,
  })
}

/** @param expected `undefined`: nothing has to be typed */
export function confirmedByTyping(sent: Fields, expected: string | undefined): boolean {
  const folded = (text: string) => text.normalize('NFKC').trim().replaceAll(/\s+/g, ' ')
  return expected === undefined || folded(sent.get('confirm')) === folded(expected)
}
