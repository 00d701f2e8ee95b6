import { faultText } from './elements.ts'
import { type Content, Html, html } from './html.ts'

export interface Choice {
  readonly value: string
  readonly label: Content
  readonly hint?: Content
  readonly isChosen: boolean
  readonly attributes?: Html
}

export interface Choices {
  readonly type: 'checkbox' | 'radio'
  readonly name: string
  readonly legend: string
  readonly isLegendUnseen?: boolean
  /** Name by which a refusal calls it, if that is another. */
  readonly refusedAs?: string
}

/** Choices of which one is made, or any number. */
export function choices(about: Choices, all: readonly Choice[]): Html {
  const { name, legend, isLegendUnseen, refusedAs } = about
  return Html.of((form) => {
    const fault = form?.faultOf(refusedAs === undefined ? [name] : [name, refusedAs])
    return html`<fieldset${fault && html` aria-describedby="${name}-fault"`}><legend${isLegendUnseen && html` class="unseen"`}>${legend}</legend>${all.map(
      (one) => choice(about, one),
    )}${faultText(name, fault)}</fieldset>`
  })
}

/** One choice; by itself, it is a tick. */
export function choice({ type, name, legend }: Choices, one: Choice): Html {
  const { value, label, hint, isChosen, attributes } = one
  return Html.of((form) => {
    const checked = form ? form.valuesOf(name, legend, isChosen ? [value] : []).includes(value) : isChosen
    const input = html`<input type="${type}" name="${name}" value="${value}"${attributes}${checked && html` checked`}>`
    return hint === undefined
      ? html`<label class="choice">${input}${label}</label>`
      : html`<label class="choice described">${input}<span>${label}<span class="hint">${hint}</span></span></label>`
  })
}

/** A tick that stands outside of the form that it belongs to. @param formId `id` of the form that acts at `action` */
export function tickOf(action: string, formId: string, { name, value, label }: Tick): Html {
  return Html.of((_form, again) => {
    const isTicked = again?.action === action && again.valuesOf(name, name, []).includes(value)
    return html`<input type="checkbox" form="${formId}" name="${name}" value="${value}" aria-label="${label}"${isTicked && html` checked`}>`
  })
}

interface Tick {
  readonly name: string
  readonly value: string
  readonly label: string
}

export type Option = readonly [value: string, words: string]

/** A labelled list of which one is chosen. */
export function selectField(name: string, label: string, options: readonly Option[], chosen?: string): Html {
  return Html.of((form) => {
    const fault = form?.faultOf([name])
    const described = fault ? html` aria-invalid="true" aria-describedby="${name}-fault"` : undefined
    return html`<div class="field"><label for="${name}">${label}</label>${select(name, options, {
      chosen,
      label,
      attributes: html` id="${name}"${described}`,
    })}${faultText(name, fault)}</div>`
  })
}

interface Select {
  /** The first one, if not said. */
  readonly chosen?: string | undefined
  /** What the list is of, in words. */
  readonly label: string
  readonly attributes?: Html
}

/** A list without its label. */
export function select(
  name: string,
  options: readonly Option[],
  { chosen, label, attributes }: Select,
): Html {
  return Html.of((form) => {
    const stored = chosen ?? options[0]?.[0] ?? ''
    const [shown = stored] = form?.valuesOf(name, label, [stored]) ?? []
    return html`<select name="${name}"${attributes}>${options.map(
      ([value, words]) =>
        html`<option value="${value}"${value === shown && (form || chosen !== undefined) && html` selected`}>${words}</option>`,
    )}</select>`
  })
}

/** Parts that are seldom needed, folded away until something in them counts. A form that is shown again hides nothing. */
export function more(summary: string, contents: Content, isOpen = false): Html {
  return Html.of(
    (form) =>
      html`<details class="more"${(isOpen || form !== undefined) && html` open`}><summary>${summary}</summary>${contents}</details>`,
  )
}
