import { html as escaped } from 'ghtml'

/** Markup that is safe to send, because `html` made it. */
export class Html {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  /** Text that is markup already. Only for text of the program, never for input. */
  static trusted(text: string): Html {
    return new Html(text)
  }

  toString(): string {
    return this.#text
  }
}

/** Parts of a page. Texts are escaped; `undefined` and `false` show nothing. */
export type Content = Html | string | number | undefined | false | readonly Content[]

/** A piece of a page. Cannot contain unescaped text. */
export function html(literals: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return Html.trusted(String.raw({ raw: literals }, ...contents.map(render)))
}

function render(content: Content): string {
  if (content instanceof Html) return content.toString()
  if (content === undefined || content === false) return ''
  if (typeof content === 'object') return content.map(render).join('')
  return escaped`${content}`
}

/** A text chosen by a person, isolated whatever its writing direction. */
export function named(text: string): Html {
  return html`<bdi class="named">${text}</bdi>`
}
