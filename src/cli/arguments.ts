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

/** Parser of an option that is a moment (RFC 3339). */
export function moment(value: string): Date {
  const date = new Date(value)
  if (!/^\d{4}-\d\d-\d\dT/.test(value) || Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('It must be a time like 2026-11-25T12:00:00Z.')
  return date
}

/** Parser of an option that is the id of a realm, as the audit trail has it. */
export function realmId(value: string): string {
  if (!/^[1-9]\d{0,17}$/.test(value))
    throw new InvalidArgumentError('It must be a number, as realm_id of an event.')
  return value
}
