import { isAudience } from './audience.ts'
import {
  CLAIM_FORMS,
  CLAIM_SOURCES,
  type ClaimSource,
  type CustomClaim,
  claimPath,
  collide,
  isExactNumber,
  type Metadata,
} from './custom-claim.ts'
import { Refusal } from './refusal.ts'

export const MAX_CUSTOM_CLAIMS = 32
export const MAX_CLAIM_VALUE_BYTES = 1024
export const MAX_METADATA = 16
export const MAX_METADATA_VALUE = 500
export const MAX_CLAIM_AUDIENCES = 20
export const MAX_CLAIM_NAME = 200
export const MAX_CLAIM_PREFIX = 100
const MAX_PATH = 8
const MAX_DEPTH = 16

/** Claims of which this server, or the RFCs for tokens and introspection, say what they mean. None is made by a setting. */
export const RESERVED_CLAIMS: ReadonlySet<string> = new Set(
  'iss sub aud exp nbf iat jti cnf status act scope client_id authorization_details authorization_details_omitted roles azp active token_type'.split(
    ' ',
  ),
)

// Excludes lone surrogates, which are no text in UTF-8.
const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u
const KEY = '[A-Za-z][A-Za-z0-9_.:/-]{0,63}'
export const METADATA_KEY_PATTERN = `^${KEY}$`
export const CLAIM_SOURCE_PATTERN = `^(?:${CLAIM_SOURCES.join('|')}|metadata\\.${KEY})$`
const METADATA_KEY = new RegExp(METADATA_KEY_PATTERN)
const SOURCE = new RegExp(CLAIM_SOURCE_PATTERN)
const MEMBERS = ['claim', 'value', 'from', 'prefix', 'as', 'audiences']

/** Refuses claims that no token can have. @throws Refusal `invalid`, which names the member by its path */
export function checkCustomClaims(claims: unknown): asserts claims is readonly CustomClaim[] {
  if (!Array.isArray(claims) || claims.length > MAX_CUSTOM_CLAIMS)
    fail('claims', `claims must be a list of at most ${MAX_CUSTOM_CLAIMS}.`)
  for (const [at, one] of claims.entries()) {
    const field = `claims.${at}`
    checkMembers(one, field)
    checkName(one.claim, `${field}.claim`)
    if (one.from === undefined) checkValue(one.value, `${field}.value`)
    else checkSource(one, field)
    if (one.audiences !== undefined) checkAudiences(one.audiences, `${field}.audiences`)
    const other = claims.slice(0, at).findIndex(({ claim }) => collide(claim, one.claim))
    if (other >= 0)
      fail(`${field}.claim`, `${one.claim} and ${claims[other].claim} cannot be in one token: remove one.`)
  }
}

/** @throws Refusal `invalid` */
export function checkMetadata(metadata: unknown): asserts metadata is Metadata {
  if (!isObject(metadata)) fail('metadata', 'metadata must be an object of texts.')
  const pairs = Object.entries(metadata)
  if (pairs.length > MAX_METADATA) fail('metadata', `metadata may have ${MAX_METADATA} pairs.`)
  for (const [key, value] of pairs) {
    if (!METADATA_KEY.test(key))
      fail('metadata', 'A key of metadata has 1 to 64 letters, digits and _ . : / -, a letter first.')
    if (!isText(value, MAX_METADATA_VALUE))
      fail(
        `metadata.${key}`,
        `metadata ${key} must be a text of at most ${MAX_METADATA_VALUE} printable characters.`,
      )
  }
}

/** Refuses what an account cannot have; absent members stay as they are. */
export function checkAccountClaims({ claims, metadata }: { claims?: unknown; metadata?: unknown }): void {
  if (claims !== undefined) checkCustomClaims(claims)
  if (metadata !== undefined) checkMetadata(metadata)
}

function checkMembers(one: unknown, field: string): asserts one is CustomClaim {
  if (!isObject(one)) fail(field, 'A claim must be an object with claim, and with value or from.')
  const unknown = Object.keys(one).find((name) => !MEMBERS.includes(name))
  if (unknown !== undefined) fail(field, `A claim has no member but ${MEMBERS.join(', ')}.`)
  const isFixed = one['value'] !== undefined
  if (isFixed === (one['from'] !== undefined)) fail(field, 'A claim must have either value or from.')
  if (isFixed && (one['prefix'] !== undefined || one['as'] !== undefined))
    fail(field, 'prefix and as go with from: write the value as it shall be.')
}

function checkName(claim: unknown, field: string): void {
  if (!isText(claim, MAX_CLAIM_NAME) || /\\(?!\.)/.test(claim))
    fail(
      field,
      `claim must be a path of at most ${MAX_CLAIM_NAME} printable characters; \\. is a dot within a name.`,
    )
  const path = claimPath(claim)
  if (path.length > MAX_PATH || path.includes(''))
    fail(field, `claim must have 1 to ${MAX_PATH} names after dots, none of them empty.`)
  if (path.includes('__proto__')) fail(field, 'A claim cannot be named __proto__.')
  const [root] = path as [string]
  if (RESERVED_CLAIMS.has(root))
    fail(field, `The claim ${root} has a meaning of its own, and a setting cannot replace it.`)
}

function checkValue(value: unknown, field: string): void {
  checkJson(value, field, 0)
  if (Buffer.byteLength(JSON.stringify(value)) > MAX_CLAIM_VALUE_BYTES)
    fail(field, `value may have ${MAX_CLAIM_VALUE_BYTES} bytes as JSON.`)
}

function checkJson(value: unknown, field: string, depth: number): void {
  if (depth > MAX_DEPTH) fail(field, `value may be nested ${MAX_DEPTH} deep.`)
  if (value === undefined) fail(field, 'value must be JSON.')
  if (typeof value === 'number' && !isExactNumber(value))
    fail(field, 'value has a number that readers would round: send it as a text.')
  if (typeof value === 'string') checkText(value, field)
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    checkText(name, field)
    if (name === '__proto__') fail(field, 'value cannot have a member named __proto__.')
    checkJson(member, field, depth + 1)
  }
}

function checkText(text: string, field: string): void {
  if (!text.isWellFormed() || text.includes('\0'))
    fail(field, 'value has a text with U+0000 or half a character.')
}

function checkSource(claim: CustomClaim & { from?: unknown; prefix?: unknown; as?: unknown }, field: string) {
  const { from, prefix, as } = claim
  if (!isSource(from))
    fail(`${field}.from`, `from must be one of ${CLAIM_SOURCES.join(', ')}, or metadata.<key>.`)
  if (prefix !== undefined && !isText(prefix, MAX_CLAIM_PREFIX))
    fail(`${field}.prefix`, `prefix must be a text of at most ${MAX_CLAIM_PREFIX} printable characters.`)
  if (as === undefined) return
  const forms: readonly unknown[] = CLAIM_FORMS
  if (!forms.includes(as)) fail(`${field}.as`, `as must be one of ${CLAIM_FORMS.join(', ')}.`)
  if (as !== 'number' && as !== 'boolean') return
  if (from === 'roles' || from === 'scope') fail(`${field}.as`, `${from} can be string or string[].`)
  if (prefix) fail(`${field}.prefix`, `A ${as} has no prefix.`)
}

function isSource(from: unknown): from is ClaimSource {
  return typeof from === 'string' && SOURCE.test(from)
}

function checkAudiences(audiences: unknown, field: string): void {
  const isList = Array.isArray(audiences) && audiences.length > 0 && audiences.length <= MAX_CLAIM_AUDIENCES
  if (!isList || !audiences.every((one) => typeof one === 'string' && isAudience(one)))
    fail(field, `audiences must be a list of 1 to ${MAX_CLAIM_AUDIENCES} audiences.`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && [...value].length <= most && PRINTABLE.test(value)
}

function fail(field: string, detail: string): never {
  throw new Refusal('invalid', detail, field)
}
