import fc from 'fast-check'
import type { Test } from 'tap'
import { feed, inputsOf, PARSERS, type Parser } from './parsers.ts'

/** Feeds every parser its share of so many inputs; a failure names the seed that repeats it. */
export function fuzzParsers(t: Test, inputs: number): void {
  const share = Math.ceil(inputs / PARSERS.length)
  for (const parser of PARSERS)
    t.test(`${parser.name}: every input is taken or refused`, async (t) => {
      await fc.assert(
        fc.asyncProperty(inputsOf(parser), (input) => feed(parser, input)),
        { numRuns: share },
      )
      t.pass(`${share} inputs`)
    })
}

/** Eight times the length may take at most three times as long for each character. */
const LENGTHS = [4_000, 32_000] as const
const MAX_GROWTH = 3

/** A busy machine can make one look wrong, a parser makes all of them. */
const MAX_LOOKS = 5

/** A time too short to say anything of growth. */
const NEGLIGIBLE_MILLISECONDS = 2

/** Long runs of every piece that a parser knows take time in proportion to their length. */
export function timeParsers(t: Test): void {
  for (const parser of PARSERS)
    t.test(`${parser.name}: the time that it takes grows with the length, and no faster`, async (t) => {
      for (const piece of parser.pieces)
        for (const end of ['', '!', '\0']) {
          const excess = await findExcess(parser, piece, end)
          if (excess) t.fail(`${JSON.stringify(piece)}: ${excess}`)
        }
    })
}

/** How a parser's time outgrows the length; nothing where one of several looks says that it does not. */
async function findExcess(parser: Parser, piece: string, end: string): Promise<string | undefined> {
  let excess: string | undefined
  for (let look = 0; look < MAX_LOOKS; look++) {
    const short = await timed(parser, piece, end, LENGTHS[0])
    const long = await timed(parser, piece, end, LENGTHS[1])
    const growth = long / LENGTHS[1] / (short / LENGTHS[0])
    if (long <= NEGLIGIBLE_MILLISECONDS || growth <= MAX_GROWTH) return undefined
    excess = `${short.toFixed(2)} ms, then ${long.toFixed(2)} ms`
  }
  return excess
}

/** The best of several: what a busy machine adds is not the parser's. */
async function timed(parser: Parser, piece: string, end: string, length: number): Promise<number> {
  const input = piece.repeat(Math.ceil(length / piece.length)) + end
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    await feed(parser, input)
    best = Math.min(best, performance.now() - start)
  }
  return best
}
