/** Text for people; a table is laid out when the width of the terminal is known. */
export type Text = string | Table

/** Text of an answer. @param width cells of the terminal; `undefined`: it is no terminal, and nothing is cut */
export function textIn(text: Text, width: number | undefined): string {
  return typeof text === 'string' ? text : text.layOut(width)
}

/** A table with a heading per column, each column as wide as its longest value. */
export class Table {
  readonly #lines: readonly (readonly string[])[]

  constructor(heads: readonly string[], rows: readonly (readonly string[])[]) {
    this.#lines = [heads, ...rows].map((line) => line.map(printable))
  }

  /** Whole, as it is piped. */
  toString(): string {
    return this.layOut(undefined)
  }

  /** At a terminal that is too narrow, the widest columns are cut; the first never is, for it names the object. */
  layOut(width: number | undefined): string {
    const natural = (this.#lines[0] ?? []).map((_, column) =>
      Math.max(...this.#lines.map((line) => cellsOf(line[column] as string))),
    )
    const widths = width === undefined ? natural : narrowed(natural, width)
    return this.#lines
      .map((line) =>
        line
          .map((cell, column) => pad(cut(cell, widths[column] as number), widths[column] as number))
          .join(GAP)
          .trimEnd(),
      )
      .join('\n')
  }
}

const GAP = '  '
const NARROWEST = 8

function narrowed(natural: readonly number[], width: number): readonly number[] {
  const widths = [...natural]
  const total = () => widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1))
  for (let excess = total() - width; excess > 0; excess--) {
    const widest = widths.indexOf(Math.max(...widths.slice(1)), 1)
    if (widest < 1 || (widths[widest] as number) <= NARROWEST) break
    widths[widest] = (widths[widest] as number) - 1
  }
  return widths
}

function cut(text: string, width: number): string {
  if (cellsOf(text) <= width) return text
  let kept = ''
  let cells = 1
  for (const { segment } of GRAPHEMES.segment(text)) {
    cells += cellsOfOne(segment)
    if (cells > width) break
    kept += segment
  }
  return `${kept}…`
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - cellsOf(text)))
}

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Cells of a terminal that a text takes: two for what East Asia and emoji write wide, none for what combines. */
export function cellsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let cells = 0
  for (const { segment } of GRAPHEMES.segment(text)) cells += cellsOfOne(segment)
  return cells
}

const INVISIBLE = /^[\p{M}\p{Cf}\u200b]+$/u
const WIDE =
  /^(?:[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303e\u3200-\u33ff\uff01-\uff60\uffe0-\uffe6]|.\ufe0f)/u
/** Halves of the same scripts. */
const NARROW = /^[\uff61-\uffdc\uffe8-\uffee]/u

function cellsOfOne(segment: string): number {
  if (INVISIBLE.test(segment)) return 0
  return WIDE.test(segment) && !NARROW.test(segment) ? 2 : 1
}

// A terminal would execute control characters.
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd')
}
