import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { databaseMicroseconds, type ShareLoad } from './support/database-share.ts'
import { FLOORS_ROW } from './support/floors.ts'
import { CONNECTIONS, type RequestLine, runLoad, shuffled, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { requestOf, startMintmark } from './support/mintmark.ts'
import { exactly, type Report, show } from './support/report.ts'

/** Realms whose keys and settings a processor's caches hold. */
const FEW_REALMS = 200

/** As many lines for one account as there may be for many, so that they are read alike. */
const LINES = 100_000

/** As often as what an account leaves in memory is written. */
const STEADY_SECONDS = 60

/** One account again and again, beside any of a million at random. */
export async function run(context: BenchContext): Promise<Report> {
  const { options, dataset } = context
  const { databaseUrl, size, clientAt } = await dataset()
  const all = Array.from({ length: size }, (_, i) => requestOf(clientAt(i)))
  // Of the last realms: no other bench has used these accounts.
  const few = all.filter((_, i) => i % options.realms >= options.realms - FEW_REALMS && i >= options.realms)
  const files = filesOf(context, all, few)
  const shares = await sharesOf(context, databaseUrl, { ...files, amount: few.length })
  const results = await ratesOf(context, databaseUrl, files)
  const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])
  const row = (name: string, rounds: readonly Measured[], share: string) => [
    name,
    show(spread(of(rounds, 'requestsPerSecond')), 0),
    show(spread(of(rounds, 'serverMicroseconds')), 1),
    share,
  ]
  const manyName = `any of ${few.length} accounts in ${FEW_REALMS} realms`
  return {
    title: `${size} accounts in ${options.realms} realms, each with a key of its own.`,
    notes: [NOTE],
    targets: [
      {
        what: 'tokens/s of any account ÷ of one account',
        wanted: '≥ 0.85',
        found: ratio(of(results.any, 'requestsPerSecond'), of(results.one, 'requestsPerSecond')),
      },
      {
        what: 'PostgreSQL CPU a token ÷ (bare Fastify + one signature), one account',
        wanted: '≤ 0.17',
        found: exactly(shares.one.microseconds / shares.one.floors),
      },
      {
        what: `PostgreSQL CPU a token ÷ (bare Fastify + one signature), ${FEW_REALMS} realms`,
        wanted: '≤ 0.34',
        found: exactly(shares.few.microseconds / shares.few.floors),
      },
    ],
    table: [
      ['', 'tokens/s', 'server CPU µs', 'PostgreSQL CPU µs'],
      row('one account', results.one, shares.one.microseconds.toFixed(1)),
      row(manyName, results.few, shares.few.microseconds.toFixed(1)),
      row('any account', results.any, ''),
      [`the first token ever of each of those ${few.length}`, '', '', shares.first.toFixed(1)],
      [FLOORS_ROW, '', show(spread([shares.one.floors, shares.few.floors]), 1), ''],
    ],
  }
}

const NOTE = `PostgreSQL's CPU is that of all its processes while one server serves one kind of load for ${STEADY_SECONDS} s, from its first token until it
has stopped, divided by all tokens: reads, and what is written later of last uses, counts and origins. First tokens, which leave more to write, are a row of their own. Rates are taken apart, in turns.`

interface Files {
  readonly one: string
  readonly few: string
  readonly first: string
  readonly any: string
  readonly realms: string
}

function filesOf(
  { options, folder }: BenchContext,
  all: readonly RequestLine[],
  few: readonly RequestLine[],
): Files {
  return {
    one: writeRequests(join(folder, 'one'), Array(LINES).fill(few[0])),
    few: writeRequests(join(folder, 'few'), shuffled(few)),
    first: writeRequests(join(folder, 'first'), few),
    any: writeRequests(join(folder, 'any'), shuffled(all)),
    realms: writeRequests(join(folder, 'realms'), all.slice(0, options.realms)),
  }
}

interface Share {
  readonly microseconds: number
  readonly floors: number
}

/** What PostgreSQL does for a token of each load. First tokens come first: later ones of the same accounts are none. */
async function sharesOf(
  { postgres, floors, say }: BenchContext,
  databaseUrl: string,
  { one, few, first, amount }: Files & { readonly amount: number },
): Promise<{ readonly first: number; readonly one: Share; readonly few: Share }> {
  const floor = await floors()
  const share = async (name: string, load: ShareLoad) => {
    const found = await databaseMicroseconds(databaseUrl, load, postgres)
    say(`  ${name}: PostgreSQL ${found.toFixed(1)} µs`)
    return found
  }
  // The machine changes within the minute, so the floors are measured before it and after.
  const steady = async (name: string, file: string): Promise<Share> => {
    const before = await floor.measure()
    const microseconds = await share(name, { file, order: 'random', seconds: STEADY_SECONDS })
    return { microseconds, floors: (before + (await floor.measure())) / 2 }
  }
  return {
    first: await share('first tokens', { file: first, order: 'sequential', seconds: 0, amount }),
    one: await steady('one account', one),
    few: await steady(`${FEW_REALMS} realms`, few),
  }
}

/** Tokens a second and the server's CPU, in turns on one server. */
async function ratesOf({ options, say }: BenchContext, databaseUrl: string, files: Files) {
  const server = await startMintmark(databaseUrl)
  const turn = (file: string) => async () => {
    const load = {
      url: server.url,
      file,
      order: 'random',
      connections: CONNECTIONS,
      seconds: options.seconds,
    } as const
    const measured = await measure(server, load)
    say(`  ${measured.requestsPerSecond.toFixed(0)}/s`)
    if (measured.refused > 0) throw new Error(`${measured.refused} requests were refused`)
    return measured
  }
  try {
    // Every realm is met once: a first meeting is what `cold` measures. It warms the server too.
    const meeting = {
      url: server.url,
      file: files.realms,
      order: 'sequential',
      connections: CONNECTIONS,
    } as const
    await runLoad({ ...meeting, seconds: 0, amount: options.realms })
    return await alternate(
      { one: turn(files.one), few: turn(files.few), any: turn(files.any) },
      options.rounds,
      { warm: ['one', 'few'] },
    )
  } finally {
    await server.stop()
  }
}
