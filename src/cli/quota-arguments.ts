import { InvalidArgumentError } from 'commander'
import type { Quota, QuotaMode } from '../domain/quota.ts'

export const QUOTA =
  'maximum number of tokens, like 1000/hour,5000/day; add :monitor to count and log only, :off to ignore it'

const FORM = /^(\d{1,10})\/(hour|day)(?:,(\d{1,10})\/(hour|day))?(?::(monitor|enforce|off))?$/

/** Parser of `--quota`; its bounds are checked elsewhere. */
export function quota(text: string): Quota {
  const [, first, period, second, other, mode = 'enforce'] = FORM.exec(text) ?? []
  if (first === undefined || period === other)
    throw new InvalidArgumentError('It must be like 1000/hour, 5000/day or 1000/hour,5000/day:monitor.')
  const limits = new Map([
    [period, Number(first)],
    [other, Number(second)],
  ])
  return { tokensPerHour: limits.get('hour'), tokensPerDay: limits.get('day'), mode: mode as QuotaMode }
}

/** What `--quota` and `--no-quota` say. */
export type QuotaOption = Quota | false | undefined

/** `null` removes it. */
export function quotaOf(option: QuotaOption): Quota | null | undefined {
  return option === false ? null : option
}

export function quotaText({ tokensPerHour, tokensPerDay, mode }: Quota): string {
  const limits = [
    ...(tokensPerHour === undefined ? [] : [`${tokensPerHour}/hour`]),
    ...(tokensPerDay === undefined ? [] : [`${tokensPerDay}/day`]),
  ]
  return mode === 'enforce' ? limits.join(',') : `${limits.join(',')}:${mode}`
}
