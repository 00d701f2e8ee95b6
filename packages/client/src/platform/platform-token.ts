import { fromAws } from './aws.ts'
import { fromAzure } from './azure.ts'
import { fromFile, fromKubernetes } from './files.ts'
import { fromGcp } from './gcp.ts'
import { fromGithub, fromGitlab } from './pipelines.ts'
import type { Environment, PlatformRequest } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'
import { fromSpiffe } from './spiffe.ts'

const SOURCES = {
  kubernetes: fromKubernetes,
  github: fromGithub,
  gitlab: fromGitlab,
  aws: fromAws,
  gcp: fromGcp,
  azure: fromAzure,
  spiffe: fromSpiffe,
  file: fromFile,
} as const satisfies Record<string, (request: PlatformRequest) => Promise<string>>

export type PlatformName = keyof typeof SOURCES

export const PLATFORM_NAMES = Object.keys(SOURCES) as readonly PlatformName[]

/** Platforms that something may follow after a colon. */
const TAKES_DETAIL: readonly PlatformName[] = ['kubernetes', 'gitlab', 'spiffe', 'file']

/** Gets a token of the platform for the issuer, or for the audience that was named. */
export type PlatformToken = (issuer: string) => Promise<string>

export interface PlatformTokenOptions {
  /** Who shall accept the platform's token. Default: the issuer that it goes to. */
  readonly audience?: string | undefined
  /** Default `process.env`. */
  readonly env?: Environment
}

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/**
 * A source of tokens that a platform issues to what runs on it.
 * @param from `kubernetes[:PATH]`, `github`, `gitlab[:VARIABLE]`, `aws`, `gcp`, `azure`, `spiffe[:SPIFFE-ID]`, `file:PATH`
 * @throws {TypeError} where there is no such platform
 */
export function platformToken(from: string, options: PlatformTokenOptions = {}): PlatformToken {
  const [, name = '', detail] = /^([a-z]+)(?::(.+))?$/s.exec(from) ?? []
  if (!PLATFORM_NAMES.includes(name as PlatformName))
    throw new TypeError(
      `there is no platform ${JSON.stringify(from)}; there are ${PLATFORM_NAMES.join(', ')}`,
    )
  const platform = name as PlatformName
  if (detail !== undefined && !TAKES_DETAIL.includes(platform))
    throw new TypeError(`nothing may follow ${name}: its own environment variables say the rest`)
  if (detail === undefined && platform === 'file')
    throw new TypeError('file needs a path: file:/path/to/token')
  const { audience, env = process.env } = options
  return async (issuer) => {
    const isAudienceNamed = audience !== undefined
    const request = { audience: audience ?? issuer, isAudienceNamed, detail, env }
    const token = (await SOURCES[platform](request)).trim()
    if (!JWT.test(token)) throw new PlatformTokenError(`what ${from} gave is not a JWT`)
    return token
  }
}
