import { html as escaped } from 'ghtml'

/** A form that is shown again, as its controls see it. */
export interface FormAgain {
  readonly action: string
  /** Values to show in a control: what was sent. @param stored what the control shows otherwise */
  valuesOf(name: string, label: Content, stored: readonly string[]): readonly string[]
  /** What is wrong with the control of one of these names. */
  faultOf(names: readonly string[]): string | undefined
  /** Version that the form was filled from. @param stored the newest one */
  versionOf(stored: string): string
  labelOfButton(label: string): string
}

/** Where a piece is rendered. Without anything, no form is shown again. */
interface Place {
  /** The form that is shown again, somewhere on the page. */
  readonly again?: FormAgain | undefined
  /** The same, where the piece is inside that form. */
  readonly form?: FormAgain | undefined
}

/** Markup that is safe to send, because `html` made it. */
export class Html {
  readonly #render: (place: Place) => string

  private constructor(render: (place: Place) => string) {
    this.#render = render
  }

  /** Text that is markup already. Only for text of the program, never for input. */
  static trusted(text: string): Html {
    return new Html(() => text)
  }

  /** A piece that depends on the form that is shown again: `form` where it is inside that form, `again` anywhere. */
  static of(piece: (form: FormAgain | undefined, again: FormAgain | undefined) => Content): Html {
    return new Html((place) => render(piece(place.form, place.again), place))
  }

  /** The contents of the form that acts at `action`. */
  static inForm(action: string, contents: Content): Html {
    return new Html(({ again }) =>
      render(contents, { again, form: again?.action === action ? again : undefined }),
    )
  }

  static join(literals: readonly string[], contents: readonly Content[]): Html {
    return new Html((place) =>
      String.raw({ raw: literals }, ...contents.map((content) => render(content, place))),
    )
  }

  renderIn(place: Place): string {
    return this.#render(place)
  }

  /** @param again the form to show again with what was sent */
  toString(again?: FormAgain): string {
    return this.#render({ again })
  }
}

/** Parts of a page. Texts are escaped; `undefined` and `false` show nothing. */
export type Content = Html | string | number | undefined | false | readonly Content[]

/** A piece of a page. Cannot contain unescaped text. */
export function html(literals: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return Html.join(literals, contents)
}

function render(content: Content, place: Place): string {
  if (content instanceof Html) return content.renderIn(place)
  if (content === undefined || content === false) return ''
  if (typeof content === 'object') return content.map((part) => render(part, place)).join('')
  return escaped`${content}`
}

/** A text chosen by a person, isolated whatever its writing direction. */
export function named(text: string): Html {
  return html`<bdi class="named">${text}</bdi>`
}
