import { Refusal } from '../../domain/refusal.ts'
import type { Fields } from './form-fields.ts'

/** Fields of the settings of realms. An empty one is `undefined`. */
export function readWhole(sent: Fields, name: string): number | undefined {
  const text = sent.get(name).trim()
  if (text === '') return undefined
  if (!/^\d{1,8}$/.test(text)) throw new Refusal('invalid', 'Enter a whole number.', name)
  return Number(text)
}

/** Values that spaces or line breaks separate. */
export function readList(sent: Fields, name: string): string[] {
  return sent
    .get(name)
    .split(/\s+/)
    .filter((one) => one !== '')
}
