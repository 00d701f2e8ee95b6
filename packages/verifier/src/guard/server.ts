import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AccessToken } from '../access-token.ts'
import { readBearerToken } from '../bearer.ts'
import { TokenError } from '../token-error.ts'
import type { Verifier } from '../verifier.ts'
import { type Answer, accepted, answerOf, FAULT, MISCONFIGURED, refused } from './answer.ts'
import { DemandError, isMetBy, meet } from './demand.ts'
import { countOutcomes, type Outcomes } from './outcomes.ts'
import { createDemandReader, isCheck, type Route } from './routes.ts'

export interface GuardOptions {
  readonly verifier: Verifier
  /** `undefined`: the query of each check states what it demands. */
  readonly routes: readonly Route[] | undefined
  /** Logs what an operator has to look after. */
  readonly log: (message: string, members?: Record<string, unknown>) => void
}

const TEXT = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }

// A proxy sends the caller's whole headers, and with them a token of up to 64 KiB.
const MAX_HEADER_BYTES = 131_072

/** Answers a proxy's questions about the Bearer tokens of its callers: `/check…`, `/ready`, `/metrics`. */
export function createGuard(options: GuardOptions): Server {
  const outcomes = countOutcomes()
  const check = createCheck(options, outcomes)

  const answer = (request: IncomingMessage): Answer | Promise<Answer> => {
    const url = request.url ?? '/'
    if (isCheck(url)) return check(request, url)
    if (url === '/metrics') return answerOf(200, TEXT, outcomes.text())
    if (url === '/ready') return ready(options.verifier)
    return answerOf(404, {})
  }
  const fail = (error: unknown): Answer => {
    options.log('a check failed', { reason: error instanceof Error ? error.message : String(error) })
    outcomes.count('fault')
    return FAULT
  }
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    try {
      const answered = answer(request)
      if (answered instanceof Promise) void answered.catch(fail).then((late) => send(response, late))
      else send(response, answered)
    } catch (error) {
      send(response, fail(error))
    }
  }
  // The proxy decides how long it keeps a connection: one that the guard ends may just be in use.
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true, keepAliveTimeout: 0 },
    handle,
  )
  // Expectations are the caller's, and the API's to meet.
  return server.on('checkExpectation', handle)

  function send(response: ServerResponse, { status, headers, body }: Answer): void {
    // Once the guard stops, its last answers end their connections.
    if (!server.listening) response.shouldKeepAlive = false
    response.writeHead(status, headers as string[])
    response.end(body)
  }
}

function createCheck({ verifier, routes, log }: GuardOptions, outcomes: Outcomes) {
  const demandOf = createDemandReader(routes)
  const sometimes = onceASecond(log)
  const answers = new WeakMap<AccessToken, Answer>()

  const answerOnce = (token: AccessToken): Answer => {
    const known = answers.get(token)
    if (known) return known
    const answer = accepted(token)
    answers.set(token, answer)
    return answer
  }
  const refuse = (error: unknown): Answer => {
    if (error instanceof TokenError) {
      if (error.status >= 500)
        sometimes('a check could not be made', { code: error.code, reason: reasonOf(error) })
      outcomes.count(error.code)
      return refused(error)
    }
    if (!(error instanceof DemandError)) throw error
    sometimes('a check was refused: look at the configuration of the proxy', { reason: error.message })
    outcomes.count('misconfigured')
    return MISCONFIGURED
  }

  return (request: IncomingMessage, url: string): Answer | Promise<Answer> => {
    try {
      const demand = demandOf(url)
      // The URL is the proxy's question: only headers are the caller's.
      const { headers, rawHeaders } = request
      const text = readBearerToken({ headers, rawHeaders })
      const known = verifier.recall(text, demand)
      if (known && isMetBy(demand, known)) {
        outcomes.count('accepted')
        return answerOnce(known)
      }
      return verify(text, demand)
    } catch (error) {
      return refuse(error)
    }
  }

  async function verify(text: string, demand: ReturnType<typeof demandOf>): Promise<Answer> {
    try {
      const token = await verifier.verify(text, demand)
      await meet(demand, token, verifier)
      outcomes.count('accepted')
      return accepted(token)
    } catch (error) {
      return refuse(error)
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
  return answerOf(problem === undefined ? 200 : 503, TEXT, `${problem ?? 'ready'}\n`)
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
