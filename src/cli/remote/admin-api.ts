import { adminAudienceOf } from '../../domain/realm.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import { EXIT_OF_REFUSAL } from '../exit-codes.ts'
import {
  RemoteFault,
  type RemoteRequest,
  type RemoteServer,
  remoteServer,
  serverAddress,
} from '../remote-server.ts'
import { askForToken } from './admin-token.ts'

export interface AdminRequest {
  readonly query?: Readonly<Record<string, string | number | boolean | Date | undefined>>
  readonly body?: object
  /** Sent as NDJSON, and answered so. */
  readonly lines?: readonly unknown[]
}

export interface AdminAnswer {
  readonly status: number
  readonly body: unknown
}

/** The admin API of a running server. */
export interface AdminApi {
  /** PUBLIC_URL of the server. */
  readonly publicUrl: string
  /** @throws Refusal as the server's operation does; RemoteFault where it gives no answer */
  ask(
    method: NonNullable<RemoteRequest['method']>,
    path: string,
    request?: AdminRequest,
  ): Promise<AdminAnswer>
  /** What the server shows to everybody. */
  readPublic(path: string): Promise<string>
  close(): void
}

const JSON_TYPE = 'application/json'
const NDJSON_TYPE = 'application/x-ndjson'

/**
 * Signs in at a server with the credentials of the environment.
 * @param realm of the command, where the environment does not say whose account it is
 */
export async function openAdminApi(
  address: string,
  env: NodeJS.ProcessEnv,
  realm: string | undefined,
): Promise<AdminApi> {
  const url = serverAddress(address, '--server')
  const server = remoteServer({ concurrency: 1 })
  try {
    const signIn = () => askForToken(server, url, env, realm)
    let { token, publicUrl } = await signIn()
    return {
      publicUrl,
      close: server.close,
      readPublic: (path) => readPublic(server, url + path),
      async ask(method, path, { query = {}, body, lines } = {}) {
        const sent =
          lines
            ?.map((line) => JSON.stringify(line))
            .join('\n')
            .concat('\n') ??
          (body && JSON.stringify(body))
        const send = () =>
          server.ask(`${url}/admin${path}${searchOf(query)}`, {
            method,
            headers: {
              authorization: `Bearer ${token}`,
              accept: lines ? NDJSON_TYPE : JSON_TYPE,
              ...(sent !== undefined && { 'content-type': lines ? NDJSON_TYPE : JSON_TYPE }),
            },
            ...(sent !== undefined && { body: sent }),
          })
        let answer = await send()
        // A command may take longer than its token lives.
        if (answer.status === 401) {
          token = (await signIn()).token
          answer = await send()
        }
        const { status, text } = answer
        if (status >= 400) throw refusalOf(status, text, adminAudienceOf(url))
        return { status, body: lines ? readLines(text) : text === '' ? undefined : readJson(text, url) }
      },
    }
  } catch (error) {
    server.close()
    throw error
  }
}

async function readPublic({ ask }: RemoteServer, url: string): Promise<string> {
  const { status, text } = await ask(url, { headers: { accept: '*/*' } })
  if (status >= 400) throw refusalOf(status, text, url)
  return text
}

function searchOf(query: NonNullable<AdminRequest['query']>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) search.set(name, value instanceof Date ? value.toISOString() : String(value))
  return search.size === 0 ? '' : `?${search}`
}

function readLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

function readJson(text: string, url: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RemoteFault(`${url} answers with something other than JSON: is it a Mintmark server?`)
  }
}

interface Problem {
  readonly type?: string
  readonly detail?: string
  readonly field?: string
  readonly limit?: number
}

/** A refusal of the server, as its own operation would throw it. */
function refusalOf(status: number, text: string, url: string): Error {
  const { type = '', detail = `${url} answers with status ${status}.`, field, limit } = problemOf(text)
  const code = type.replace('urn:mintmark:problem:', '').replaceAll('-', '_')
  if (Object.hasOwn(EXIT_OF_REFUSAL, code)) return new Refusal(code as RefusalCode, detail, field, limit)
  if (status === 401) return new Refusal('forbidden', detail)
  return status === 429 || status >= 500 ? new RemoteFault(detail) : new Refusal('invalid', detail)
}

function problemOf(text: string): Problem {
  try {
    return JSON.parse(text) as Problem
  } catch {
    return {}
  }
}
