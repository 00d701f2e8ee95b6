import { html as escaped } from 'ghtml'

/** Markup that is safe to send, because `html` made it. */
export class Html {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  /** Text that is markup already. For what comes with the program, never for what came from outside. */
  static trusted(text: string): Html {
    return new Html(text)
  }

  toString(): string {
    return this.#text
  }
}

/** What a page can be made of. Texts are escaped, and nothing is shown for `undefined` and `false`. */
export type Content = Html | string | number | undefined | false | readonly Content[]

/** A piece of a page. There is no way to put unescaped text into one. */
export function html(literals: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return Html.trusted(String.raw({ raw: literals }, ...contents.map(render)))
}

function render(content: Content): string {
  if (content instanceof Html) return content.toString()
  if (content === undefined || content === false) return ''
  if (typeof content === 'object') return content.map(render).join('')
  return escaped`${content}`
}

/** A text of somebody's choosing: it keeps to itself whatever its direction is. */
export function named(text: string): Html {
  return html`<bdi class="named">${text}</bdi>`
}
