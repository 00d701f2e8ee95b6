import type { OpenLeak } from '../../domain/leaked-secret.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { type Content, Html, html } from './html.ts'
import { type IconName, icon } from './icons.ts'
import type { Visit } from './visit.ts'

/** A form of the session, with its CSRF token. */
export function form(visit: Visit, action: string, fields: Content, attributes?: Html): Html {
  return html`<form method="post" action="${action}" class="stack"${attributes}>
<input type="hidden" name="form_token" value="${visit.formToken}"><input type="hidden" name="form_page" value="${visit.page.slice(1)}">
${Html.inForm(action, fields)}
</form>`
}

export type Tone = 'info' | 'success' | 'warning' | 'danger'

const PICTURES = {
  info: 'information-circle',
  success: 'check-circle',
  warning: 'exclamation-triangle',
  danger: 'exclamation-triangle',
} satisfies Record<Tone, IconName>

export function notice(tone: Tone, content: Content): Html {
  const role = tone === 'danger' ? 'alert' : 'status'
  return html`<div class="notice ${tone}" role="${role}">${icon(PICTURES[tone])}<div>${content}</div></div>`
}

export function badge(tone: Tone | 'plain', text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`
}

export function stateBadge({ disabledAt, expiresAt }: ServiceAccount, now: Date): Html {
  if (!disabledAt && expiresAt && expiresAt <= now) return badge('danger', 'Ended')
  return disabledAt ? badge('warning', 'Disabled') : badge('success', 'Active')
}

/** What a leak still asks for. */
export function leakBadge(leak: Pick<OpenLeak, 'isValid'> | undefined): Content {
  return leak && html` ${badge('danger', leak.isValid ? 'Leaked: still valid' : 'Leaked: no secret')}`
}

/** The first roles as badges, and how many more there are. */
export function roleBadges(roles: readonly string[], shown = roles.length): Html {
  if (roles.length === 0) return html`<span class="muted">none</span>`
  const more = roles.slice(shown)
  const rest = html`<span class="badge plain" title="${more.join(', ')}">+${more.length}<span class="unseen"> more: ${more.join(', ')}</span></span>`
  return html`<span class="badges">${roles.slice(0, shown).map((role) => badge('plain', role))}${more.length > 0 && rest}</span>`
}

/** A text to copy, with a button where script runs. */
export function copyable(id: string, label: string, text: string): Html {
  return html`<div class="copyable">
<code id="${id}">${text}</code>
${copyButton(id, label)}
</div>`
}

export function copyButton(id: string, label: string): Html {
  return html`<button type="button" class="quiet small needs-script" data-copy="${id}" aria-label="Copy ${label}">${icon('clipboard')}<span data-copied="Copied">Copy</span></button>`
}

/** Maximum length in characters. Browsers count UTF-16 units, up to two for each character; the server counts again. */
export function atMost(characters: number): Html {
  return html`maxlength="${2 * characters}"`
}

export interface FieldOptions {
  readonly value?: string
  readonly hint?: Content
  /** What is wrong with the value, where the page knows it by itself. */
  readonly fault?: string | undefined
  /** Names by which a refusal calls the field, beside its own. */
  readonly refusedAs?: readonly string[]
  readonly type?: string
  readonly attributes?: Html
}

/** A labelled field; screen readers read hint and fault with it. */
export function field(name: string, label: Content, options: FieldOptions = {}): Html {
  const { type = 'text', attributes } = options
  return labelled(
    name,
    label,
    options,
    (value, state) =>
      html`<input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="off" ${attributes}${state}>`,
  )
}

/** A labelled field of several lines. */
export function textArea(
  name: string,
  label: Content,
  options: FieldOptions & { readonly rows?: number },
): Html {
  const { attributes, rows = 3 } = options
  return labelled(
    name,
    label,
    options,
    (value, state) =>
      html`<textarea id="${name}" name="${name}" rows="${rows}" spellcheck="false" autocomplete="off" ${attributes}${state}>
${value}</textarea>`,
  )
}

type Control = (value: string, state: Content) => Html

function labelled(name: string, label: Content, options: FieldOptions, control: Control): Html {
  const { value: stored = '', hint, refusedAs = [], type } = options
  return Html.of((form) => {
    const [value = ''] = type === 'password' ? [] : (form?.valuesOf(name, label, [stored]) ?? [stored])
    const fault = options.fault ?? form?.faultOf([name, ...refusedAs])
    const described = [hint && `${name}-hint`, fault && `${name}-fault`].filter(Boolean).join(' ')
    const state = html`${described && html` aria-describedby="${described}"`}${fault && html` aria-invalid="true" autofocus`}`
    return html`<div class="field">
<label for="${name}">${label}</label>
${control(value, state)}
${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
${faultText(name, fault)}
</div>`
  })
}

/** What is wrong with a control. */
export function faultText(name: string, fault: string | undefined): Content {
  return fault && html`<p class="fault" id="${name}-fault">${icon('exclamation-triangle')}${fault}</p>`
}

/** Version of what a form changes, so that a change by somebody else meanwhile is noticed. */
export function versionField(version: string | number): Html {
  return Html.of(
    (form) =>
      html`<input type="hidden" name="version" value="${form?.versionOf(String(version)) ?? version}">`,
  )
}

/** Button of a form with a version. */
export function saveButton(label = 'Save', attributes: Content = html` class="primary"`): Html {
  return Html.of((form) => html`<button${attributes}>${form?.labelOfButton(label) ?? label}</button>`)
}

export interface Confirmation {
  readonly action: string
  readonly button: string
  readonly danger?: boolean
  readonly cancel: string
  readonly content: Content
}

/** Announces what will happen before it does. */
export function confirmation(visit: Visit, { action, button, danger, cancel, content }: Confirmation): Html {
  return html`<section class="card narrow">
${form(
  visit,
  action,
  html`${content}
<div class="buttons"><button class="${danger ? 'danger' : 'primary'}">${button}</button><a class="button" href="${cancel}">Cancel</a></div>`,
)}
</section>`
}
