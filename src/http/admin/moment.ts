import { Refusal } from '../../domain/refusal.ts'

/** @throws Refusal `invalid` for a moment that RFC 3339 can write and no calendar here has, such as a leap second */
export function readMoment(text: string | undefined, field: string): Date | undefined {
  if (text === undefined) return undefined
  const moment = new Date(text)
  if (Number.isNaN(moment.getTime())) throw new Refusal('invalid', `${field} is no moment.`, field)
  return moment
}
