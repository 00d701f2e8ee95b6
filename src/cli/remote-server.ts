import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { getCACertificates } from 'node:tls'
import { Refusal } from '../domain/refusal.ts'

export interface RemoteRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as a form. */
  readonly form?: URLSearchParams
  /** Sent as it is; its type is among the headers. */
  readonly body?: string
}

export interface RemoteAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

export interface RemoteServer {
  /** @throws RemoteFault if there is no whole answer in time */
  ask(url: string, request?: RemoteRequest): Promise<RemoteAnswer>
  close(): void
}

export interface RemoteOptions {
  /** File with certificates in PEM of authorities beside those of the system. */
  readonly caFile?: string | undefined
  /** Requests at once. */
  readonly concurrency: number
  readonly timeoutMilliseconds?: number | undefined
}

/** Another server gave no answer, or one that cannot be used. */
export class RemoteFault extends Error {
  override readonly name = 'RemoteFault'
  /** The same request may be answered a moment later. */
  readonly mayPass: boolean

  constructor(message: string, { mayPass = false } = {}) {
    super(message)
    this.mayPass = mayPass
  }
}

const TIMEOUT_MILLISECONDS = 30_000
/** Between the starts of two requests, so that other users of the server notice little. */
const PACE_MILLISECONDS = 4

const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504])
const ATTEMPTS = 5
const MAX_WAIT_SECONDS = 60

const MAX_BYTES = 32 * 1024 * 1024

/** Asks another server: bounded in time and size, over kept connections, and following no redirect. */
export function remoteServer({ caFile, concurrency, timeoutMilliseconds }: RemoteOptions): RemoteServer {
  const options = { keepAlive: true, maxSockets: concurrency }
  const plain = new HttpAgent(options)
  const ca = caFile === undefined ? undefined : [...getCACertificates('default'), readCa(caFile)]
  const secure = new Agent({ ...options, ...(ca && { ca }), minVersion: 'TLSv1.2' })
  return {
    async ask(url, { method = 'GET', headers = {}, form, body = form?.toString() } = {}) {
      const signal = AbortSignal.timeout(timeoutMilliseconds ?? TIMEOUT_MILLISECONDS)
      const all = {
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      }
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
      const common = { method, headers: all, signal }
      const sent = url.startsWith('https:')
        ? httpsRequest(url, { ...common, agent: secure })
        : httpRequest(url, { ...common, agent: plain })
      sent.once('response', resolve).on('error', reject).end(body)
      try {
        const response = await promise
        return {
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: await readText(response),
        }
      } catch (error) {
        throw faultOf(error, url, signal)
      }
    },
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

/**
 * The address of another server, without a slash at its end.
 * @throws Refusal `invalid` for what is none, and for plain HTTP that would show secrets to the network
 */
export function serverAddress(text: string, option: string, allowInsecureHttp = false): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isAddress = url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  if (!isAddress || url.username !== '' || url.password !== '')
    throw new Refusal(
      'invalid',
      `${option} must be an http(s) address without credentials: https://host/path`,
    )
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'http:' && !isLocal && !allowInsecureHttp)
    throw new Refusal(
      'invalid',
      `Plain HTTP would show secrets to the network: use https in ${option}, or --allow-insecure-http.`,
    )
  return url.href.replace(/\/+$/, '')
}

/** Keeps its distance, and asks again where a server is busy or away. */
export function patient(server: RemoteServer): RemoteServer['ask'] {
  let next = 0
  async function turn(): Promise<void> {
    const now = performance.now()
    next = Math.max(now, next) + PACE_MILLISECONDS
    await sleep(next - now)
  }
  return async function ask(url: string, request?: RemoteRequest): Promise<RemoteAnswer> {
    for (let attempt = 1; ; attempt++) {
      await turn()
      const answer = await server.ask(url, request).catch((error: unknown) => {
        if (attempt === ATTEMPTS || !(error instanceof RemoteFault && error.mayPass)) throw error
        return undefined
      })
      if (answer && (attempt === ATTEMPTS || !BUSY.has(answer.status))) return answer
      await sleep(waitOf(answer, attempt))
    }
  }
}

function waitOf(answer: RemoteAnswer | undefined, attempt: number): number {
  const asked = answer?.headers['retry-after'] ?? ''
  if (/^\d{1,5}$/.test(asked)) return Math.min(Number(asked), MAX_WAIT_SECONDS) * 1000
  return 250 * 2 ** attempt
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Refusal('invalid', `${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length
    if (bytes > MAX_BYTES) throw new RemoteFault(`more than ${MAX_BYTES / 1024 / 1024} MiB`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString()
}

function faultOf(error: unknown, url: string, signal: AbortSignal): RemoteFault {
  const { message, code = '' } = error as NodeJS.ErrnoException
  const { origin } = new URL(url)
  if (error instanceof RemoteFault) return new RemoteFault(`no answer from ${origin}: ${message}`)
  const isCertificate = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|ALTNAME/.test(code)
  const reason = signal.aborted ? 'it took too long' : message || code
  const advice = isCertificate ? '; name its authority with --ca-file or NODE_EXTRA_CA_CERTS' : ''
  return new RemoteFault(`no answer from ${origin}: ${reason}${advice}`, { mayPass: !isCertificate })
}
