import { Refusal } from '../../domain/refusal.ts'
import { patient, type RemoteAnswer, RemoteFault, type RemoteServer } from '../remote-server.ts'

/** A realm of a running Keycloak, and the client that may read it. */
export interface LiveSource {
  readonly url: string
  readonly realm: string
  /** Realm of the client; most often the same. */
  readonly clientRealm: string
  readonly clientId: string
  readonly clientSecret: string
}

export type Json = Readonly<Record<string, unknown>>

/** Objects per page. */
const PAGE = 100

/** More objects of a kind than a realm that can be imported has. */
const MAX_OBJECTS = 200_000

/** What reading needs. */
const NEEDED = 'view-clients, view-users and view-realm'

export interface KeycloakAdmin {
  /** `undefined`: it is not there. @throws Refusal `forbidden`; RemoteFault */
  find(path: string, role: string): Promise<unknown>
  /** All objects of a list. */
  list(path: string, role: string): Promise<Json[]>
}

/** Reads the admin REST API of a realm, politely and without trusting what it answers. */
export function keycloakAdmin(source: LiveSource, server: RemoteServer): KeycloakAdmin {
  const ask = patient(server)
  let token: Promise<string> | undefined

  async function get(path: string): Promise<RemoteAnswer> {
    token ??= askToken(source, ask)
    const used = token
    const url = `${source.url}/admin/realms/${encodeURIComponent(source.realm)}${path}`
    const headersOf = (bearer: string) => ({ headers: { authorization: `Bearer ${bearer}` } })
    const answer = await ask(url, headersOf(await used))
    if (answer.status !== 401) return answer
    // It lives for minutes, and many are asked for at once: one of them renews it.
    if (token === used) token = askToken(source, ask)
    return ask(url, headersOf(await token))
  }

  async function find(path: string, role: string): Promise<unknown> {
    const answer = await get(path)
    if (answer.status === 404) return undefined
    if (answer.status === 403)
      throw new Refusal(
        'forbidden',
        `${source.clientId} may not read ${pathName(path)}: give its service account the role ${role} of the client realm-management (an import needs ${NEEDED}).`,
      )
    if (answer.status !== 200)
      throw new RemoteFault(`Keycloak answered ${answer.status} at ${pathName(path)}`)
    return parse(answer.text, path)
  }

  return {
    find,
    async list(path, role) {
      const found = new Map<string, Json>()
      for (;;) {
        const mark = path.includes('?') ? '&' : '?'
        const page = await find(`${path}${mark}first=${found.size}&max=${PAGE}`, role)
        if (page === undefined)
          throw new Refusal(
            'not_found',
            `Keycloak has no realm ${source.realm}: name it with --source-realm.`,
          )
        const objects = objectsOf(page, path)
        if (objects.length === 0) return [...found.values()]
        const before = found.size
        for (const one of objects) if (typeof one['id'] === 'string') found.set(one['id'], one)
        // It would send the same page for ever.
        if (found.size === before || objects.length > PAGE || found.size > MAX_OBJECTS)
          throw new RemoteFault(`Keycloak does not divide ${pathName(path)} into pages as it was asked`)
      }
    },
  }
}

/** RFC 6749 section 4.4, as Keycloak answers it. */
async function askToken(
  { url, clientRealm, ...client }: LiveSource,
  ask: RemoteServer['ask'],
): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client.clientId,
    client_secret: client.clientSecret,
  })
  const path = `/realms/${encodeURIComponent(clientRealm)}/protocol/openid-connect/token`
  const { status, text } = await ask(url + path, { method: 'POST', form })
  const body = parse(text, path, status) as Json
  if (status === 200 && typeof body?.['access_token'] === 'string') return body['access_token']
  if (status === 404)
    throw new Refusal(
      'not_found',
      `There is no realm ${clientRealm} of Keycloak at ${url}: check --url and --source-realm.`,
    )
  if (status === 400 || status === 401)
    throw new Refusal(
      'invalid',
      `Keycloak refuses ${client.clientId} in its realm ${clientRealm} (${status} ${told(body)}): check --client-id and the secret; it needs a service account.`,
    )
  throw new RemoteFault(`Keycloak answered ${status} when it was asked for a token`)
}

function parse(text: string, path: string, status = 200): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the text, which may be a secret.
    if (status !== 200) return {}
    throw new RemoteFault(`the answer at ${pathName(path)} is not from Keycloak: it is not JSON`)
  }
}

function objectsOf(page: unknown, path: string): Json[] {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  if (Array.isArray(page) && page.every(isObject)) return page
  throw new RemoteFault(`the answer at ${pathName(path)} is not from Keycloak: it is not a list`)
}

/** Without the query, and ids replaced: what a person knows it by. */
function pathName(path: string): string {
  return (path.split('?')[0] as string).replaceAll(/\/[0-9a-f-]{36}/g, '/…')
}

function told(body: Json): string {
  const error = body?.['error']
  return typeof error === 'string' ? error.slice(0, 100).replaceAll(/\p{Cc}/gu, '\ufffd') : ''
}
