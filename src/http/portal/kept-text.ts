import { findPrivateMember } from '../../domain/client-key.ts'
import { type Fields, wordsOf } from './form-fields.ts'
import { type Content, html } from './html.ts'

/** Fields that pages put into forms; people type none of them. */
const CARRIED = /^(form_token|form_id|form_page|version|preset|issuer|type|id|find|warned|next)$/

const SECRET = /secret$|(^|_)token$|password|^code$/

/** Text that may be kept or shown again: no secrets and no private keys. */
export function mayKeep(name: string, value: string): boolean {
  return !SECRET.test(name) && !/mm_\w{20}/.test(value) && findPrivateMember(value) === undefined
}

function typedIn(sent: Fields): [name: string, value: string][] {
  return sent
    .names()
    .filter((name) => !CARRIED.test(name))
    .flatMap((name) => sent.getAll(name).map((value): [string, string] => [name, value]))
}

/** What was typed, to be copied, where its form cannot be shown. */
export function typedList(sent: Fields): Content {
  const typed = typedIn(sent).filter(([name, value]) => value !== '' && mayKeep(name, value))
  if (typed.length === 0) return undefined
  return html`<h2>What you typed</h2><dl class="facts">${typed.map(
    ([name, value]) => html`<dt>${wordsOf(name)}</dt><dd class="typed">${value}</dd>`,
  )}</dl>`
}

/** The same form without its page, to be sent again. `undefined`: nothing was typed. */
export function resendForm(action: string, sent: Fields): Content {
  const typed = typedIn(sent)
  if (typed.length === 0) return undefined
  const carried = sent.names().filter((name) => CARRIED.test(name))
  const hidden = (name: string) => html`<input type="hidden" name="${name}" value="${sent.get(name)}">`
  return html`<form method="post" action="${action}" class="stack">${carried.map(hidden)}
${typed.map(fieldOf)}
<div class="buttons"><button class="primary">Send it again</button></div></form>`
}

function fieldOf([name, value]: [name: string, value: string], at: number): Content {
  const id = `typed-${at}`
  const label = html`<label for="${id}">${wordsOf(name)}</label>`
  if (!mayKeep(name, value))
    return html`<div class="field">${label}<input id="${id}" name="${name}" type="password" autocomplete="off"></div>`
  if (value.includes('\n'))
    return html`<div class="field">${label}<textarea id="${id}" name="${name}" rows="4">
${value}</textarea></div>`
  return html`<div class="field">${label}<input id="${id}" name="${name}" value="${value}" autocomplete="off"></div>`
}
