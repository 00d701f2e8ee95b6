import { type ComparedAnswer, compareAnswers } from '../../domain/token-comparison.ts'
import type { RemoteServer } from '../remote-server.ts'
import type { TokenCase } from './cases.ts'

/** A realm of a server: where its token endpoint is. */
export interface ComparedRealm {
  readonly url: string
  readonly realm: string
  /** Its token endpoint, where that has another path than ours; it has no realms. */
  readonly tokenUrl?: string | undefined
}

/** A difference in a kind of request, and in how many accounts. The values are those of the first account. */
export interface Found {
  readonly case: string
  readonly path: string
  count: number
  readonly clientIds: string[]
  readonly old: unknown
  readonly new: unknown
}

export interface ComparisonOptions {
  readonly old: ComparedRealm
  readonly new: ComparedRealm
  /** Paths, or `case:path`. */
  readonly ignored: readonly string[]
  /** Told after each request. */
  readonly onProgress: (done: number) => void
}

/** Requests at once to each server. */
export const CONCURRENCY = 4

/** Accounts that are named for each difference. */
const MAX_NAMED = 100

/** Sends each request to both servers, and gathers what differs, in the order of the requests. */
export async function compareTokens(
  ask: RemoteServer['ask'],
  cases: Iterable<TokenCase>,
  { old, new: now, ignored, onProgress }: ComparisonOptions,
): Promise<Found[]> {
  const found = new Map<string, Found>()
  let sent = 0
  let done = 0
  let noted = 0
  // Differences that wait for those of a request before.
  const early = new Map<number, () => void>()
  const waiting = cases[Symbol.iterator]()
  const worker = async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const one = next.value
      const place = sent++
      const [before, after] = await Promise.all([answerOf(ask, old, one), answerOf(ask, now, one)])
      const differences = compareAnswers(before, after, ignoredIn(one.name, ignored))
      early.set(place, () => {
        for (const difference of differences) note(found, one, difference)
      })
      for (; early.has(noted); early.delete(noted++)) early.get(noted)?.()
      onProgress(++done)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  // The same token by another way differs in the same.
  return [...found.values()].filter((one) => one.case !== 'basic' || !found.has(`token ${one.path}`))
}

function note(
  found: Map<string, Found>,
  { name, clientId, form }: TokenCase,
  { path, old, new: now }: ReturnType<typeof compareAnswers>[number],
): void {
  const key = `${name} ${path}`
  const secret = form['client_secret']
  const known = found.get(key)
  if (known) known.count++
  else
    found.set(key, {
      case: name,
      path,
      count: 1,
      clientIds: [clientId],
      old: shown(old, secret),
      new: shown(now, secret),
    })
  if (known && known.clientIds.length < MAX_NAMED) known.clientIds.push(clientId)
}

function ignoredIn(name: string, ignored: readonly string[]): string[] {
  return ignored
    .map((one) => /^(?:([\w-]+):)?(.*)$/s.exec(one))
    .filter((parts) => parts?.[1] === undefined || parts[1] === name)
    .map((parts) => parts?.[2] as string)
}

async function answerOf(
  ask: RemoteServer['ask'],
  at: ComparedRealm,
  one: TokenCase,
): Promise<ComparedAnswer> {
  const realm = encodeURIComponent(one.realm ?? at.realm)
  const url = at.tokenUrl ?? `${at.url}/realms/${realm}/protocol/openid-connect/token`
  const form = new URLSearchParams(one.form)
  const { status, text } = await ask(url, { method: 'POST', form, headers: one.headers ?? {} })
  const response = parse(text)
  const token = (response as { access_token?: unknown } | undefined)?.access_token
  if (typeof token !== 'string') return { status, response }
  const [header = '', claims = ''] = token.split('.')
  return { status, response, header: decoded(header), claims: decoded(claims) }
}

function decoded(part: string): unknown {
  return parse(Buffer.from(part, 'base64url').toString())
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const MAX_SHOWN = 300

/** Value for people: no token, and nothing that contains the secret. */
function shown(value: unknown, secret: string | undefined): unknown {
  const text = JSON.stringify(value) ?? ''
  const isSecret = secret !== undefined && secret !== '' && text.includes(JSON.stringify(secret).slice(1, -1))
  if (isSecret || /\beyJ[\w-]+\./.test(text)) return '(hidden)'
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : value
}
