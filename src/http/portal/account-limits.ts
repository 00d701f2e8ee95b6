import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { field, form, saveButton, textArea, versionField } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, html } from './html.ts'
import { quotaFields, quotaInWords, readQuota } from './quota-fields.ts'
import { about, addressOf } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/limits'
const DAY_SECONDS = 86_400

/** From where, until when, and with secrets of what age an account gets tokens. */
export function accountLimitsScreen(
  portal: Portal,
  { accounts, activity }: Pick<Operations, 'accounts' | 'activity'>,
): void {
  portal.question(PATH, async (visit, { params }) => {
    const account = await accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    const here = addressOf(visit, account.clientId)
    const used = await activity.usedNow(visit.actor, visit.realm, account.clientId)
    return {
      ...about(visit, account, 'Limits'),
      help: 'administer#limits-of-an-account',
      body: html`<section class="card narrow">${form(
        visit,
        `${here}/limits`,
        html`${versionField(account.version)}
${textArea('allowed_networks', 'Allowed networks', {
  value: account.allowedNetworks?.join('\n') ?? '',
  hint: 'Addresses and networks, one on a line: 10.0.0.0/8, 2001:db8::/32. None: from anywhere.',
})}
${field('expires_at', 'End (UTC)', {
  value: account.expiresAt?.toISOString().slice(0, 16) ?? '',
  type: 'datetime-local',
  hint: 'From then on it gets no tokens, and its tokens are inactive. Empty: no end.',
})}
${field('max_secret_age_days', 'Greatest age of its secrets, in days', {
  value: daysOf(account.maxSecretAgeSeconds),
  hint: 'An older secret gets no tokens. Empty: as its realm says.',
  attributes: html`inputmode="decimal"`,
})}
${quotaFields(account.quota, used, 'it')}
<div class="buttons">${saveButton()}<a class="button" href="${here}">Cancel</a></div>`,
      )}</section>`,
    }
  })

  portal.action(PATH, async (visit, sent, { params }) => {
    const clientId = params['clientId'] as string
    const expectedVersion = Number(sent.get('version'))
    const quota = readQuota(sent)
    const update = { ...readLimits(sent), ...(quota !== undefined && { quota }), expectedVersion }
    await accounts.update(visit.actor, visit.realm, clientId, update)
    return { redirect: `${addressOf(visit, clientId)}?done=saved` }
  })
}

/** @throws Refusal `invalid` */
function readLimits(sent: Fields) {
  const networks = sent
    .get('allowed_networks')
    .split(/[\s,]+/)
    .filter((one) => one !== '')
  return {
    allowedNetworks: networks.length === 0 ? null : networks,
    expiresAt: readEnd(sent.get('expires_at').trim()),
    maxSecretAgeSeconds: readDays(sent.get('max_secret_age_days').trim()),
  }
}

function readEnd(text: string): Date | null {
  if (text === '') return null
  const end = new Date(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text) ? `${text}Z` : Number.NaN)
  // 31 February would be a day in March.
  if (Number.isNaN(end.getTime()) || !end.toISOString().startsWith(text))
    throw new Refusal('invalid', 'It is a day and a time, like 2027-01-31T18:00.', 'expires_at')
  return end
}

function readDays(text: string): number | null {
  if (text === '') return null
  const seconds = Math.round(Number(text) * DAY_SECONDS)
  if (!/^\d{1,4}(\.\d{1,5})?$/.test(text) || seconds < 3600 || seconds > 3650 * DAY_SECONDS)
    throw new Refusal(
      'invalid',
      'It is a number of days, from an hour (0.05) to 3650.',
      'max_secret_age_days',
    )
  return seconds
}

function daysOf(seconds: number | undefined): string {
  return seconds === undefined ? '' : String(Number((seconds / DAY_SECONDS).toFixed(5)))
}

function ageInWords(seconds: number): string {
  if (seconds % DAY_SECONDS !== 0) return `${Number((seconds / 3600).toFixed(1))} hours`
  return seconds === DAY_SECONDS ? '1 day' : `${seconds / DAY_SECONDS} days`
}

/** Limits in words, for the facts about an account. */
export function limitsInWords(visit: Visit, account: ServiceAccount): Content {
  const { allowedNetworks, expiresAt, maxSecretAgeSeconds, quota } = account
  const words: Content[] = []
  if (allowedNetworks) words.push(html`<p>From <span class="wrap">${allowedNetworks.join(', ')}</span></p>`)
  if (expiresAt)
    words.push(html`<p>${expiresAt <= visit.now ? 'Ended' : 'Ends'} ${when(expiresAt, visit.now)}</p>`)
  if (maxSecretAgeSeconds !== undefined)
    words.push(html`<p>Secrets of at most ${ageInWords(maxSecretAgeSeconds)}</p>`)
  if (quota) words.push(html`<p>Quota: ${quotaInWords(quota)}</p>`)
  const none = words.length === 0 && html`<span class="muted">none</span>`
  return html`${words}${none}${visit.mayChange && html` <a href="${addressOf(visit, account.clientId)}/limits">Change<span class="unseen"> its limits</span></a>`}`
}
