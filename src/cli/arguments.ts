import { InvalidArgumentError } from 'commander'

/** Parser of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** Parser of an option that is a whole number; what it may be is decided elsewhere. */
export function whole(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(value)
}

const MOMENT = /^(\d{4}-\d\d-(\d\d))T(?:[01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i

/** Parser of an option that is a moment (RFC 3339): with a zone, or it would depend on where the command runs. */
export function moment(value: string): Date {
  const [, date, day] = MOMENT.exec(value) ?? []
  const moment = new Date(value)
  // A day that its month does not have would be one of the next month.
  if (Number.isNaN(moment.getTime()) || new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day))
    throw new InvalidArgumentError(
      'It must be a time with its zone, like 2026-11-25T12:00:00Z or 2026-11-25T13:00:00+01:00.',
    )
  return moment
}

/** Parser of an option that is the id of a realm, as the audit trail has it. */
export function realmId(value: string): string {
  if (!/^[1-9]\d{0,17}$/.test(value))
    throw new InvalidArgumentError('It must be a number, as realm_id of an event.')
  return value
}
