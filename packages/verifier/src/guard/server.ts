import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { readBearerToken } from '../bearer.ts'
import { TokenError } from '../token-error.ts'
import type { Verifier } from '../verifier.ts'
import { type Answer, accepted, MISCONFIGURED, refused } from './answer.ts'
import { DemandError, meet } from './demand.ts'
import { createDemandReader, isCheck, type Route } from './routes.ts'

export interface GuardOptions {
  readonly verifier: Verifier
  /** `undefined`: the query of each check states what it demands. */
  readonly routes: readonly Route[] | undefined
  /** Logs what an operator has to look after. */
  readonly log: (message: string, members?: Record<string, unknown>) => void
}

const TEXT = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }

/** Answers a proxy's questions about the Bearer tokens of its callers: `/check…`, `/ready`, `/metrics`. */
export function createGuard(options: GuardOptions): Server {
  const check = createCheck(options)
  const outcomes = new Map<string, number>()
  const count = (outcome: string) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const url = request.url ?? '/'
    if (isCheck(url)) {
      const [outcome, answered] = await check(request, url)
      count(outcome)
      return answered
    }
    if (url === '/metrics') return { status: 200, headers: TEXT, body: metrics(outcomes) }
    if (url === '/ready') return ready(options.verifier)
    return { status: 404, headers: {} }
  }
  return createServer((request, response) => {
    // A check has no body of use, and the caller's is the API's.
    request.resume()
    answer(request).then(
      (answered) => send(response, answered),
      (error: Error) => {
        options.log('a check failed', { reason: error.message })
        count('fault')
        send(response, { status: 503, headers: { 'retry-after': '1' } })
      },
    )
  })
}

function createCheck({ verifier, routes, log }: GuardOptions) {
  const demandOf = createDemandReader(routes)
  const sometimes = onceASecond(log)

  return async (request: IncomingMessage, url: string): Promise<[outcome: string, Answer]> => {
    try {
      const demand = demandOf(url)
      // The URL is the proxy's question: only headers are the caller's.
      const { headers, rawHeaders } = request
      const token = await verifier.verify(readBearerToken({ headers, rawHeaders }), demand)
      await meet(demand, token, verifier)
      return ['accepted', accepted(token)]
    } catch (error) {
      if (error instanceof TokenError) {
        if (error.status >= 500)
          sometimes('a check could not be made', { code: error.code, reason: reasonOf(error) })
        return [error.code, refused(error)]
      }
      if (!(error instanceof DemandError)) throw error
      sometimes('a check was refused: look at the configuration of the proxy', { reason: error.message })
      return ['misconfigured', MISCONFIGURED]
    }
  }
}

function reasonOf({ reason, cause }: TokenError): string | undefined {
  return reason ?? (cause instanceof Error ? cause.message : undefined)
}

async function ready(verifier: Verifier): Promise<Answer> {
  const problem = await verifier.ready().then(
    () => undefined,
    (error: Error) => error.message,
  )
  return { status: problem === undefined ? 200 : 503, headers: TEXT, body: `${problem ?? 'ready'}\n` }
}

function metrics(outcomes: ReadonlyMap<string, number>): string {
  const lines = [...outcomes].map(
    ([outcome, n]) => `mintmark_guard_checks_total{outcome="${outcome}"} ${n}\n`,
  )
  return `# HELP mintmark_guard_checks_total Checks by outcome.\n# TYPE mintmark_guard_checks_total counter\n${lines.join('')}`
}

/** A fault that each request meets makes one line a second. */
function onceASecond(log: GuardOptions['log']): GuardOptions['log'] {
  let quietUntil = 0
  return (message, members) => {
    const now = performance.now()
    if (now < quietUntil) return
    quietUntil = now + 1000
    log(message, members)
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body ?? '')) })
  response.end(body)
}
