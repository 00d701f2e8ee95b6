import type { Fields } from './form-fields.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'

/** A field whose current value is not the typed one. */
export interface Difference {
  readonly label: string
  readonly now: string
  readonly typed: string
}

export interface Refilled {
  /** The page with the typed values in its form. */
  readonly text: string
  readonly differences: readonly Difference[]
}

/** What was typed, and where. */
export interface Refill {
  readonly action: string
  readonly sent: Fields
  /** What is wrong with a field. */
  readonly fault?: { readonly field: string | undefined; readonly message: string } | undefined
  /** Fields to fill in; `undefined`: all. */
  readonly only?: readonly string[] | undefined
  /** Label of the button, instead of its own. */
  readonly button?: string | undefined
}

// Only our templates write markup: attributes have double quotes, and texts and values are escaped.
const FORMS = /(<form\b[^>]*>)([\s\S]*?)(<\/form>)/g
const CONTROL = /<(input)\b([^>]*)>|<(textarea|select)\b([^>]*)>([\s\S]*?)<\/\3>/g

/** Fills what somebody typed into the form of a page; hidden fields and passwords stay. `undefined`: nothing to fill. */
export function refill(page: string, { action, sent, fault, only, button }: Refill): Refilled | undefined {
  const differences: Difference[] = []
  let filled = false
  const text = page.replace(FORMS, (whole, start: string, inner: string, end: string) => {
    if (attribute(start, 'action') !== action || !start.includes('method="post"')) return whole
    const now = new Map<string, string[]>()
    const content = inner.replace(CONTROL, (control: string) => {
      const [, input, inputTag = '', other, otherTag = '', otherText] =
        new RegExp(CONTROL).exec(control) ?? []
      const tag = input ? inputTag : otherTag
      const name = attribute(tag, 'name') ?? ''
      const type = (input ? (attribute(tag, 'type') ?? 'text') : other) as string
      if (only && !only.includes(name)) return control
      if (name === '' || type === 'hidden' || type === 'password' || type === 'file') return control
      filled = true
      now.set(name, [...(now.get(name) ?? []), ...valuesIn(type, tag, otherText)])
      return withFault(withValue(type, control, sent.getAll(name)), name, fault)
    })
    for (const [name, values] of now) {
      const typed = sent.getAll(name)
      if (values.join('\n') !== typed.join('\n').replaceAll('\r\n', '\n'))
        differences.push({ label: labelOf(inner, name), now: values.join(', '), typed: typed.join(', ') })
    }
    return start + (button ? relabelled(content, button) : content) + end
  })
  return filled ? { text, differences } : undefined
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : unescaped(value)
}

function unescaped(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
}

/** Current values: of a choice, those that are chosen. */
function valuesIn(type: string, tag: string, content = ''): string[] {
  if (type === 'textarea') return [unescaped(content.replace(/^\n/, ''))]
  if (type === 'select') {
    const options = [...content.matchAll(/<option\b([^>]*)>([^<]*)/g)]
    const chosen = options.find(([, option = '']) => /\sselected/.test(option)) ?? options[0]
    return chosen ? [optionValue(chosen[1] as string, chosen[2] as string)] : []
  }
  if (type === 'checkbox' || type === 'radio')
    return /\schecked/.test(tag) ? [attribute(tag, 'value') ?? 'on'] : []
  return [attribute(tag, 'value') ?? '']
}

function optionValue(tag: string, text: string): string {
  return attribute(tag, 'value') ?? unescaped(text)
}

function withValue(type: string, control: string, typed: readonly string[]): string {
  const text = String(html`${typed[0] ?? ''}`)
  if (type === 'textarea') return control.replace(/>[\s\S]*<\/textarea>$/, () => `>\n${text}</textarea>`)
  if (type === 'select')
    return control.replace(/<option\b([^>]*)>([^<]*)/g, (_, tag: string, label: string) => {
      const isChosen = typed.includes(optionValue(tag, label))
      return `<option${tag.replace(/\sselected/, '')}${isChosen ? ' selected' : ''}>${label}`
    })
  if (type === 'checkbox' || type === 'radio') {
    const isChosen = typed.includes(attribute(control, 'value') ?? 'on')
    return control.replace(/\schecked/, '').replace(/>$/, isChosen ? ' checked>' : '>')
  }
  const bare = control.replace(/\svalue="[^"]*"/, '')
  return bare.replace(/>$/, () => ` value="${text}">`)
}

function withFault(control: string, name: string, fault: Refill['fault']): string {
  if (fault?.field !== name || /type="(checkbox|radio)"/.test(control)) return control
  const message: Html = html`<p class="fault" id="${name}-fault">${icon('exclamation-triangle')}${fault.message}</p>`
  const marked = control
    .replace(/\saria-describedby="[^"]*"/, '')
    .replace(/^<\w+/, (start) => `${start} aria-invalid="true" aria-describedby="${name}-fault" autofocus`)
  return `${marked}${message}`
}

function relabelled(content: string, label: string): string {
  return content.replace(/(<button(?: class="\w+")?>)[^<]*(<\/button>)/, `$1${label}$2`)
}

/** The label of a field; for a choice among several, its legend. */
function labelOf(form: string, name: string): string {
  const [, label] = new RegExp(`<label for="${name}">([^<]*)`).exec(form) ?? []
  const before = form.slice(0, Math.max(form.indexOf(` name="${name}"`), 0))
  const legend = [...before.matchAll(/<legend[^>]*>([^<]*)/g)].at(-1)?.[1]
  return unescaped(label ?? legend ?? wordsOf(name)).replace(/ \(optional\)$/, '')
}

/** The name of a field in words. */
export function wordsOf(name: string): string {
  const words = name.replaceAll(/[._]/g, ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
