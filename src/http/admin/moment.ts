import { Refusal } from '../../domain/refusal.ts'

/** @throws Refusal `invalid` for an RFC 3339 time that Date cannot hold, such as a leap second */
export function readMoment(text: string | undefined, field: string): Date | undefined {
  if (text === undefined) return undefined
  const moment = new Date(text)
  if (Number.isNaN(moment.getTime()))
    throw new Refusal('invalid', `${field} is not a valid date-time.`, field)
  return moment
}
