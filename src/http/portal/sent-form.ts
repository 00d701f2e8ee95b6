import type { Refusal } from '../../domain/refusal.ts'
import { type Fields, wordsOf } from './form-fields.ts'
import { type Content, type FormAgain, Html, html } from './html.ts'
import { mayKeep } from './kept-text.ts'

/** A control whose stored value is not the one that was sent. */
export interface Difference {
  readonly label: string
  readonly now: string
  readonly typed: string
}

interface Asked {
  readonly label: string
  readonly stored: string[]
  readonly sent: readonly string[]
}

/** A form that was sent and is shown again: its controls ask for their values while the page is rendered. */
export class SentForm implements FormAgain {
  readonly action: string
  readonly #sent: Fields
  readonly #refusal: Refusal | undefined
  readonly #asked = new Map<string, Asked>()
  #hasVersion = false

  constructor(action: string, sent: Fields, refusal?: Refusal) {
    this.action = action
    this.#sent = sent
    this.#refusal = refusal
  }

  /** The page with what was sent in its form. `undefined`: the form is not there, or nothing is filled in by hand. */
  fill(page: Content): Html | undefined {
    const text = html`${page}`.toString(this)
    return this.#asked.size > 0 ? Html.trusted(text) : undefined
  }

  /** Whether what the form would change was changed after the form had been filled. */
  get isOutdated(): boolean {
    return this.#hasVersion && this.#isConflict
  }

  get differences(): readonly Difference[] {
    return [...this.#asked.values()]
      .filter(({ stored, sent }) => stored.join('\n') !== sent.join('\n'))
      .map(({ label, stored, sent }) => ({ label, now: stored.join(', '), typed: sent.join(', ') }))
  }

  valuesOf(name: string, label: Content, stored: readonly string[]): readonly string[] {
    const sent = this.#sent.getAll(name).map((value) => value.replaceAll('\r\n', '\n'))
    const shown = sent.map((value) => (mayKeep(name, value) ? value : ''))
    const before = this.#asked.get(name)
    if (before) before.stored.push(...stored)
    else this.#asked.set(name, { label: textOf(label, name), stored: [...stored], sent: shown })
    return shown
  }

  faultOf(names: readonly string[]): string | undefined {
    const { field = '', message } = this.#refusal ?? {}
    return names.some((name) => field === name || field.startsWith(`${name}.`)) ? message : undefined
  }

  versionOf(stored: string): string {
    this.#hasVersion = true
    // After a conflict the person has seen the differences, and may overwrite them.
    return this.#isConflict ? stored : this.#sent.get('version') || stored
  }

  labelOfButton(label: string): string {
    return this.#isConflict ? 'Save mine anyway' : label
  }

  get #isConflict(): boolean {
    return this.#refusal?.code === 'changed_meanwhile'
  }
}

function textOf(label: Content, name: string): string {
  return (typeof label === 'string' ? label : wordsOf(name)).replace(/ \(optional\)$/, '')
}
