import { Refusal } from '../../domain/refusal.ts'
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

export function typeToConfirm(label: Content): Html {
  return field('confirm', label, {
    attributes: html`required spellcheck="false" autocapitalize="none"`,
  })
}

/** @param expected `undefined`: nothing has to be typed. @throws Refusal `invalid` */
export function requireConfirmation(sent: Fields, expected: string | undefined, fault: string): void {
  const folded = (text: string) => text.normalize('NFKC').trim().replaceAll(/\s+/g, ' ')
  if (expected === undefined || folded(sent.get('confirm')) === folded(expected)) return
  throw new Refusal('invalid', fault, 'confirm')
}
