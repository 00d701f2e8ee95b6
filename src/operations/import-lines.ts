import { Refusal } from '../domain/refusal.ts'

/** Lines per transaction. */
const CHUNK = 500

/** Maximum of lines per import, empty ones included. */
export const MAX_LINES = 100_000

export interface LineOutcome<Outcome> {
  /** Line number, from 1. */
  readonly line: number
  readonly outcome: Outcome
}

/**
 * Imports NDJSON, one entry per line, and reports each line once it is written. 500 lines are imported at once, so a
 * reported line is durable, and importing the same lines again changes nothing.
 * Skips empty lines.
 * @param take imports some entries; a Refusal stands for an unreadable one
 * @throws Refusal `forbidden`, `not_found`; `invalid` for too many lines
 */
export async function* importLines<Outcome>(
  text: string,
  take: (entries: readonly unknown[]) => Promise<Outcome[]>,
): AsyncGenerator<LineOutcome<Outcome>[]> {
  // Refuse a caller without authority before any work.
  await take([])
  const lines = splitLines(text)
  for (let start = 0; start < lines.length; start += CHUNK) {
    const chunk = lines.slice(start, start + CHUNK)
    const outcomes = await take(chunk.map(entryOf))
    yield chunk.map(({ line }, index) => ({ line, outcome: outcomes[index] as Outcome }))
  }
}

/** Says what an import of the lines would do. @throws Refusal as `importLines` */
export async function checkLines<Outcome>(
  text: string,
  check: (entries: readonly unknown[]) => Promise<Outcome[]>,
): Promise<LineOutcome<Outcome>[]> {
  const lines = splitLines(text)
  const outcomes = await check(lines.map(entryOf))
  return lines.map(({ line }, index) => ({ line, outcome: outcomes[index] as Outcome }))
}

function splitLines(text: string): { line: number; content: string }[] {
  // One line beyond the limit is enough to know that there are too many.
  const lines = text.trimEnd().split('\n', MAX_LINES + 1)
  if (lines.length > MAX_LINES)
    throw new Refusal('invalid', `An import may have at most ${MAX_LINES} lines.`, undefined, MAX_LINES)
  return lines
    .map((content, index) => ({ line: index + 1, content: content.trim() }))
    .filter(({ content }) => content !== '')
}

function entryOf({ content }: { readonly content: string }): unknown {
  // U+FFFD marks bytes that are not UTF-8.
  if (content.includes('\ufffd')) return new Refusal('invalid', 'The line is not UTF-8.')
  try {
    return JSON.parse(content)
  } catch {
    return new Refusal('invalid', 'The line is not JSON.')
  }
}
