import { InvalidArgumentError } from 'commander'
import { systemClock } from '../domain/clock.ts'

/** Parser of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** Parser of an integer option; its bounds are checked elsewhere. */
export function whole(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(value)
}

/** Parser of a switch. */
export function onOrOff(value: string): boolean {
  if (value !== 'on' && value !== 'off') throw new InvalidArgumentError('It must be on or off.')
  return value === 'on'
}

const MOMENT = /^(\d{4}-\d\d-(\d\d))T(?:[01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i

/** Parser of an RFC 3339 date-time with a zone; without a zone its meaning would depend on the machine. */
export function moment(value: string): Date {
  return readMoment(value, '')
}

/** @param other what it may be as well, for people */
function readMoment(value: string, other: string): Date {
  const [, date, day] = MOMENT.exec(value) ?? []
  const moment = new Date(value)
  // Date would turn 31 April into 1 May.
  if (Number.isNaN(moment.getTime()) || new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day))
    throw new InvalidArgumentError(
      `It must be a time with its zone, like 2026-11-25T12:00:00Z or 2026-11-25T13:00:00+01:00${other}.`,
    )
  return moment
}

const AGE = /^([1-9]\d{0,4})([smhdw])$/
const SECONDS_OF: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** Parser of a time in the past: an age (`90d`: 90 days ago) or a moment. */
export function past(value: string): Date {
  const [, count, unit] = AGE.exec(value) ?? []
  if (count === undefined || unit === undefined) return readMoment(value, ', or an age like 90m, 12h or 7d')
  return new Date(systemClock().getTime() - Number(count) * (SECONDS_OF[unit] as number) * 1000)
}

/** Parser of a realm's id, as in the audit trail. */
export function realmId(value: string): string {
  if (!/^[1-9]\d{0,17}$/.test(value))
    throw new InvalidArgumentError('It must be a number, as realm_id of an event.')
  return value
}
