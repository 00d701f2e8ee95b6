import type { Period } from '../../domain/activity.ts'
import { MAX_QUOTA, QUOTA_MODES, type Quota, type QuotaMode } from '../../domain/quota.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type Option, selectField } from './choices.ts'
import { field } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, type Html, html } from './html.ts'

/** Tokens issued in the present hour and day. */
export type UsedTokens = Readonly<Record<Period, number>>

const MODES: Readonly<Record<QuotaMode, string>> = {
  enforce: 'Enforce: refuse tokens beyond it',
  monitor: 'Monitor: issue them, count and log',
  off: 'Off: keep the numbers for later',
}

/** Names as the admin API has them: what it refuses is refused at its field. */
const [MODE, HOUR, DAY] = ['quota.mode', 'quota.tokens_per_hour', 'quota.tokens_per_day'] as const

export function quotaFields(quota: Quota | null | undefined, used: UsedTokens, whose: string): Html {
  const modes = [...QUOTA_MODES].reverse().map((mode): Option => [mode, MODES[mode]])
  const number = (name: string, label: string, value: number | undefined) =>
    field(name, label, {
      value: value === undefined ? '' : String(value),
      attributes: html`inputmode="numeric"`,
    })
  return html`<fieldset><legend>Quota: how many tokens ${whose} may get</legend>
<div class="filters-row">${number(HOUR, 'Tokens an hour', quota?.tokensPerHour)}${number(DAY, 'Tokens a day', quota?.tokensPerDay)}</div>
${selectField(MODE, 'Beyond it', modes, quota?.mode ?? 'enforce')}
<p class="hint">Empty: any number. ${usedInWords(quota, used)}</p></fieldset>`
}

/** Hours and days are those of UTC. */
export function usedInWords(quota: Quota | null | undefined, used: UsedTokens): Content {
  const part = (count: number, limit: number | undefined) =>
    `${count.toLocaleString('en')}${limit === undefined ? '' : ` of ${limit.toLocaleString('en')}`}`
  return html`Used this hour: ${part(used.hour, quota?.tokensPerHour)}; today (UTC): ${part(used.day, quota?.tokensPerDay)}.`
}

/** `null`: none. `undefined`: the form has no such fields. @throws Refusal `invalid` */
export function readQuota(sent: Fields): Quota | null | undefined {
  if (!sent.names().includes(MODE)) return undefined
  const [tokensPerHour, tokensPerDay] = [readNumber(sent, HOUR), readNumber(sent, DAY)]
  if (tokensPerHour === undefined && tokensPerDay === undefined) return null
  return { tokensPerHour, tokensPerDay, mode: sent.get(MODE) as QuotaMode }
}

function readNumber(sent: Fields, name: string): number | undefined {
  const text = sent
    .get(name)
    .trim()
    .replaceAll(/(?<=\d)[ ,](?=\d{3})/g, '')
  if (text === '') return undefined
  if (!/^\d{1,10}$/.test(text) || Number(text) < 1 || Number(text) > MAX_QUOTA)
    throw new Refusal('invalid', `Enter a whole number from 1 to ${MAX_QUOTA.toLocaleString('en')}.`, name)
  return Number(text)
}

export function quotaInWords({ mode, tokensPerHour, tokensPerDay }: Quota): string {
  const part = (count: number | undefined, each: string) =>
    count === undefined ? [] : [`${count.toLocaleString('en')} tokens ${each}`]
  return `${[...part(tokensPerHour, 'an hour'), ...part(tokensPerDay, 'a day')].join(', ')} (${mode})`
}
