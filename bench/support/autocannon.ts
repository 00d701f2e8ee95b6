import { readFileSync } from 'node:fs'
import autocannon, { type Instance, type Options, type Request } from 'autocannon'
import type { Load, LoadResult } from './load.ts'

// Runs as a separate process, so that the load does not slow the bench. Prints the result as a line of JSON.
const load = JSON.parse(process.argv[2] as string) as Load
const lines = readFileSync(load.file, 'utf8').trimEnd().split('\n')
let next = -1

const setupRequest = (request: Request): Request => {
  next = load.order === 'random' ? Math.floor(Math.random() * lines.length) : (next + 1) % lines.length
  const [path = '', body, bearer] = (lines[next] as string).split('\t')
  const headers = { ...request.headers }
  if (load.manyAddresses) headers['x-forwarded-for'] = `10.${byte()}.${byte()}.${byte()}`
  if (bearer !== undefined) headers['authorization'] = `Bearer ${bearer}`
  if (!body) return { ...request, method: 'GET', path, headers }
  headers['content-type'] = 'application/x-www-form-urlencoded'
  return { ...request, method: 'POST', path, body, headers }
}

const shared = {
  connections: load.connections,
  requests: [{ setupRequest: setupRequest as NonNullable<Request['setupRequest']> }],
}
if (load.warmUpUrl !== undefined) await autocannon({ ...shared, url: load.warmUpUrl, duration: 1 })
next = -1
const started = performance.now()
let answered = started
const run = autocannon({
  ...shared,
  url: load.url,
  ...(load.amount === undefined ? { duration: load.seconds } : { amount: load.amount }),
  ...(load.rate !== undefined && { overallRate: load.rate }),
} satisfies Options)
// For a number of requests autocannon reports whole seconds only. What it returns is also an event emitter.
;(run as unknown as Instance).on('response', () => {
  answered = performance.now()
})
const result = await run

const completed = result['2xx'] + result.non2xx
const seconds = load.amount === undefined ? result.duration : (answered - started) / 1000
const answer: LoadResult = {
  completed,
  seconds,
  refused: result.non2xx,
  failed: result.errors,
  p50: result.latency.p50,
  p99: result.latency.p99,
}
console.log(`RESULT ${JSON.stringify(answer)}`)

function byte(): number {
  return Math.floor(Math.random() * 256)
}
