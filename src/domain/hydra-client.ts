import { isObject, type Json, objectOf, objectsOf, textOf, textsOf } from './lenient-json.ts'

/** A client of Ory Hydra as far as an import needs it. */
export interface HydraClient {
  readonly clientId: string
  readonly name: string
  readonly owner: string
  /** As it is stored; Hydra stores one even where the client has none. */
  readonly secretHash: string
  readonly secretExpires: boolean
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  readonly grantTypes: readonly string[]
  /** `none`: it is public. */
  readonly authMethod: string
  readonly jwksUri: string
  readonly keys: readonly Json[]
  readonly metadata: Json
  readonly tokenStrategy: string
  /** Lifetime of tokens by client_credentials; `undefined`: the default. */
  readonly lifespanSeconds: number | undefined
  /** Names of other columns that hold something. */
  readonly others: readonly string[]
}

/** Columns that tables of every supported version have. */
export const HYDRA_COLUMNS: readonly string[] =
  'id nid client_name client_secret client_secret_expires_at scope owner audience grant_types token_endpoint_auth_method jwks jwks_uri metadata created_at'.split(
    ' ',
  )

/** What nothing here has a place for, where it holds something. */
const OTHERS =
  'client_uri logo_uri policy_uri tos_uri contacts redirect_uris post_logout_redirect_uris request_uris allowed_cors_origins sector_identifier_uri frontchannel_logout_uri backchannel_logout_uri'.split(
    ' ',
  )

const NANOSECONDS = 1e9

/** Reads a row of `hydra_client`. */
export function readHydraClient(row: Json): HydraClient {
  const lifespan = row['client_credentials_grant_access_token_lifespan']
  return {
    clientId: textOf(row['id']),
    name: textOf(row['client_name']),
    owner: textOf(row['owner']),
    secretHash: textOf(row['client_secret']),
    secretExpires: Number(row['client_secret_expires_at'] ?? 0) !== 0,
    scopes: [...new Set(textOf(row['scope']).split(/\s+/).filter(Boolean))],
    audiences: [...new Set(textsOf(parsed(row['audience'])))],
    grantTypes: textsOf(parsed(row['grant_types'])),
    authMethod: textOf(row['token_endpoint_auth_method']) || 'client_secret_basic',
    jwksUri: textOf(row['jwks_uri']),
    keys: objectsOf(objectOf(parsed(row['jwks']))['keys']),
    metadata: objectOf(parsed(row['metadata'])),
    tokenStrategy: textOf(row['access_token_strategy']),
    lifespanSeconds: lifespan === null || lifespan === undefined ? undefined : Number(lifespan) / NANOSECONDS,
    others: OTHERS.filter((column) => holdsSomething(parsed(row[column]))),
  }
}

/** Columns of JSON are text in some versions and databases. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function holdsSomething(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return typeof value === 'string' ? value !== '' : isObject(value)
}
