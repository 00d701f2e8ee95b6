import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { VerifierOptions } from '../options.ts'
import { readDemand } from './demand.ts'
import type { Route } from './routes.ts'

export interface Configuration {
  readonly listen: Listen
  readonly issuers: readonly VerifierOptions[]
  readonly routes: readonly Route[] | undefined
}

export type Listen = { readonly path: string } | { readonly host: string; readonly port: number }

/** What the operator wrote cannot be used. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

export const HELP = `Usage: mintmark-verifier guard --issuer URL --audience AUDIENCE [options]
       mintmark-verifier guard --config FILE

Answers a proxy (nginx, HAProxy, Envoy, Caddy, Traefik) whether the Bearer token of a request is good now.
GET /check?scope=…&role=…&type=…&id=…   200 with X-Auth-* headers, 401, 403, or 503
GET /ready, GET /metrics

  --issuer URL                the realm's issuer, as in iss
  --audience AUDIENCE         what the API is called in aud; may be repeated
  --listen ADDRESS            127.0.0.1:9191 by default; unix:/path for a socket
  --profile keycloak          tokens have the shape of Keycloak's, as the realm's token_profile says
  --reach-issuer-at URL       where this process reaches the issuer, if not at its own URL
  --allow-insecure-http       plain HTTP to an issuer on another machine
  --accept-for-seconds N      while no status list can be had, accept for so long; refused at once by default
  --check introspect          ask the issuer about each token; needs the next two
  --client-id ID              the service account that introspects
  --client-secret-file FILE   its secret
  --config FILE               JSON: { "listen", "issuers": [ { "issuer", "audience", … } ],
                              "routes": [ { "path", "scope", … } ] }
`

const OPTIONS = {
  issuer: { type: 'string' },
  audience: { type: 'string', multiple: true },
  listen: { type: 'string' },
  profile: { type: 'string' },
  'reach-issuer-at': { type: 'string' },
  'allow-insecure-http': { type: 'boolean' },
  'accept-for-seconds': { type: 'string' },
  check: { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret-file': { type: 'string' },
  config: { type: 'string' },
} as const

/** @throws ConfigurationError */
export function readConfiguration(args: readonly string[]): Configuration {
  const values = parse(args)
  const { config, listen, ...rest } = values
  if (config !== undefined) {
    if (Object.keys(rest).length > 0) throw new ConfigurationError('--config goes with --listen alone')
    return readFileConfiguration(config, listen)
  }
  const { issuer, audience } = values
  if (issuer === undefined || audience === undefined)
    throw new ConfigurationError('--issuer and --audience are needed, or --config')
  const options: Record<string, unknown> = {
    issuer,
    audience,
    profile: values.profile,
    reachIssuerAt: values['reach-issuer-at'],
    allowInsecureHttp: values['allow-insecure-http'],
    acceptForSeconds: readSeconds(values['accept-for-seconds']),
    check: values.check,
    clientId: values['client-id'],
    clientSecretFile: values['client-secret-file'],
  }
  return { listen: readListen(listen), issuers: [toVerifierOptions(options)], routes: undefined }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (error) {
    throw new ConfigurationError((error as Error).message)
  }
}

function readFileConfiguration(path: string, listen: string | undefined): Configuration {
  const document = readJson(path)
  const { issuers, routes, listen: written, ...unknown } = document
  for (const name of Object.keys(unknown)) throw new ConfigurationError(`${path}: ${name} is unknown`)
  if (!Array.isArray(issuers) || issuers.length === 0)
    throw new ConfigurationError(`${path}: issuers is not a list of issuers`)
  if (written !== undefined && typeof written !== 'string')
    throw new ConfigurationError(`${path}: listen is not a text`)
  return {
    listen: readListen(listen ?? written),
    issuers: issuers.map((issuer) => toVerifierOptions(readMembers(path, 'an issuer', issuer))),
    routes: readRoutes(path, routes),
  }
}

function readJson(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch (error) {
    throw new ConfigurationError(`${path} cannot be read: ${(error as Error).message}`)
  }
  throw new ConfigurationError(`${path} is not a JSON object`)
}

/** Names are taken as the verifier's options write them, and with underscores. */
function readMembers(path: string, what: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigurationError(`${path}: ${what} is not a JSON object`)
  const members: Record<string, unknown> = {}
  for (const [written, member] of Object.entries(value)) {
    const name = written.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (Object.hasOwn(members, name)) throw new ConfigurationError(`${path}: ${name} is there twice`)
    members[name] = member
  }
  return members
}

/** The names of the file and of the flags, as the verifier's own options. */
function toVerifierOptions(written: Record<string, unknown>): VerifierOptions {
  const { acceptForSeconds, clientId, clientSecretFile, ...options } = written
  const introspection =
    clientId !== undefined || clientSecretFile !== undefined
      ? { clientId, clientSecret: readSecret(clientSecretFile) }
      : undefined
  const all = {
    rememberTokens: 10_000,
    ...options,
    ...(acceptForSeconds !== undefined && { whenStatusUnavailable: { acceptForSeconds } }),
    ...(introspection && { introspection }),
  }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as unknown as VerifierOptions
}

function readSecret(path: unknown): string {
  if (typeof path !== 'string') throw new ConfigurationError('a client id needs a client secret file')
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new ConfigurationError(`${path} cannot be read: ${(error as Error).message}`)
  }
}

function readRoutes(path: string, routes: unknown): Route[] | undefined {
  if (routes === undefined) return undefined
  if (!Array.isArray(routes)) throw new ConfigurationError(`${path}: routes is not a list`)
  return routes.map((route) => {
    const { path: below, ...demands } = readMembers(path, 'a route', route)
    if (typeof below !== 'string' || !below.startsWith('/'))
      throw new ConfigurationError(`${path}: a route's path does not begin with /`)
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(demands))
      for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one))
    return { path: below, demand: readDemand(query) }
  })
}

function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text)) throw new ConfigurationError('--accept-for-seconds is not a number of seconds')
  return Number(text)
}

function readListen(text = '127.0.0.1:9191'): Listen {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) }
  const [, host = '', port = ''] = /^(?:\[([^\]]+)\]|[^:]+)?:(\d{1,5})$/.exec(text) ?? []
  const name = host || text.slice(0, text.lastIndexOf(':'))
  if (port === '' || name === '' || Number(port) > 65_535)
    throw new ConfigurationError(`${text} is not an address: write 127.0.0.1:9191 or unix:/path`)
  return { host: name, port: Number(port) }
}
