import fc from 'fast-check'
import { readAccessToken } from '../../packages/verifier/src/access-token.ts'
import { readBearerToken } from '../../packages/verifier/src/bearer.ts'
import { readJwt } from '../../packages/verifier/src/signed-jwt.ts'
import { decodeStatusList } from '../../packages/verifier/src/status-list.ts'
import { parseStrictObject } from '../../packages/verifier/src/strict-json.ts'
import { TokenError } from '../../packages/verifier/src/token-error.ts'
import { ConfigError, loadConfig } from '../../src/config.ts'
import { isGeneratedSecret } from '../../src/crypto/client-secret.ts'
import { readUnverifiedJwt } from '../../src/crypto/verifying.ts'
import { grantAudience } from '../../src/domain/audience.ts'
import { grantDetails, parseAuthorizationDetails } from '../../src/domain/authorization-details.ts'
import { checkClientAssertion, parseClientAssertion } from '../../src/domain/client-assertion.ts'
import { parseLeakedSecrets } from '../../src/domain/leaked-secret.ts'
import { OAuthError } from '../../src/domain/oauth-error.ts'
import { parseResourceEntry } from '../../src/domain/protected-resource.ts'
import { DEFAULT_REALM_SETTINGS, type RealmSettings } from '../../src/domain/realm.ts'
import { checkRealmSettings } from '../../src/domain/realm-settings.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { grantScope, parseScope } from '../../src/domain/scope.ts'
import {
  checkImportedClientId,
  checkImportedClientSecret,
  parseDescription,
  parseDisplayName,
} from '../../src/domain/service-account.ts'
import { readCursor } from '../../src/http/admin/cursor.ts'
import { readTags } from '../../src/http/admin/etag.ts'
import { readMoment } from '../../src/http/admin/moment.ts'
import { readClientCredentials } from '../../src/http/oauth/client-credentials.ts'
import { parseForm } from '../../src/http/oauth/form.ts'

/** A parser of ours, what it is fed, and the refusals that it may throw: anything else is a fault. */
export interface Parser {
  readonly name: string
  readonly parse: (input: string) => unknown
  /** Texts of the right form, which are then damaged too. */
  readonly grammar: fc.Arbitrary<string>
  readonly refusals: readonly (new (...args: never[]) => Error)[]
  /** Pieces that a long adversarial text is made of. */
  readonly pieces: readonly string[]
}

const NAMES = [
  'grant_type',
  'client_id',
  'client_secret',
  'scope',
  'resource',
  'authorization_details',
  'token',
]
const word = fc.oneof(
  fc.constantFrom(...NAMES, 'view', 'device', 'role', '', ' '),
  fc.string({ unit: 'binary' }),
)
const json = fc.oneof(
  fc.json(),
  fc.jsonValue().map((value) => JSON.stringify([value])),
)
const form = fc
  .array(fc.tuple(word, word), { maxLength: 8 })
  .map((pairs) => pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&'))
const base64 = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64'))
const basic = fc.oneof(
  base64.map((text) => `Basic ${text}`),
  fc.tuple(word, word).map(([id, secret]) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`),
)
const object = fc.dictionary(
  fc.constantFrom(
    'alg',
    'kid',
    'typ',
    'crit',
    'iss',
    'aud',
    'exp',
    'iat',
    'jti',
    'client_id',
    'status',
    'scope',
  ),
  fc.oneof(fc.constantFrom('ES256', 'none', 'at+jwt', 'x'), fc.jsonValue()),
)
const jwt = fc.tuple(object, object, base64).map(([header, claims, signature]) =>
  [JSON.stringify(header), JSON.stringify(claims)]
    .map((part) => Buffer.from(part).toString('base64url'))
    .concat(Buffer.from(signature).toString('base64url'))
    .join('.'),
)
const time = fc.oneof(
  fc.constantFrom(1_800_000_000, 1_800_000_060, 1_800_000_330.5, -1, 1e300),
  fc.double(),
  fc.jsonValue(),
)
const assertion = fc
  .tuple(
    fc.record(
      {
        alg: fc.constantFrom('ES256', 'EdDSA', 'RS256', 'none'),
        typ: fc.constantFrom('JWT', 'client-authentication+jwt', 'at+jwt'),
        kid: fc.oneof(word, fc.jsonValue()),
        crit: fc.jsonValue(),
      },
      { requiredKeys: ['alg'] },
    ),
    fc.record(
      {
        iss: fc.constantFrom('a', 'b'),
        sub: fc.constantFrom('a', 'b'),
        aud: fc.constantFrom<unknown>(
          'https://i',
          ['https://i'],
          'https://i/protocol/openid-connect/token',
          [],
          {},
        ),
        exp: time,
        iat: time,
        nbf: time,
        jti: fc.oneof(word, fc.jsonValue()),
      },
      { requiredKeys: ['iss', 'sub'] },
    ),
    base64,
  )
  .map(([header, claims, signature]) =>
    [JSON.stringify(header), JSON.stringify(claims), signature]
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.'),
  )
const details = fc
  .array(
    fc.record(
      { type: word, identifier: word, privileges: fc.array(word, { maxLength: 3 }), other: fc.jsonValue() },
      { requiredKeys: [] },
    ),
    { maxLength: 5 },
  )
  .map((value) => JSON.stringify(value))
const environment = fc
  .dictionary(
    fc.constantFrom(
      'PORT',
      'PUBLIC_URL',
      'DATABASE_URL',
      'MASTER_KEY',
      'WORKERS',
      'LOG_LEVEL',
      'TRUST_PROXY',
      'HOST',
    ),
    fc.oneof(fc.constantFrom('8080', 'http://x', 'postgres://x/y', 'info', 'true'), fc.string()),
  )
  .map((value) => JSON.stringify(value))

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/** Whatever it says, it is refused for a reason that has a name or it is what its client may be let in by. */
function checkAssertion(text: string): unknown {
  const read = parseClientAssertion(text)
  if (typeof read === 'string') return read
  const now = new Date(1_800_000_000_000)
  const rules = {
    clientId: undefined,
    issuer: 'https://i',
    audience: 'issuer_or_token_endpoint',
    now,
  } as const
  const checked = checkClientAssertion(read, rules)
  if (checked.fault !== undefined) return checked.fault
  const { iss, sub, exp } = read.claims
  const seconds = (checked.expiresAt.getTime() - now.getTime()) / 1000
  if (iss !== sub || !(seconds > 0 && seconds <= 330) || !(Number(exp) > 0)) throw new TypeError('let in')
  return checked
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const FORM_OF_NONE = parseForm('')
const HELD = { details: [{ type: 'device', identifier: 'd', privileges: ['view'] }], detailsOmitted: false }
const JWT_RULES = { maxBytes: 16_384, type: 'at+jwt', algorithms: new Set(['ES256']) }
const CLAIM_RULES = { issuer: 'https://i', audience: ['a'], now: 1_800_000_000, clockToleranceSeconds: 5 }

export const PARSERS: readonly Parser[] = [
  {
    name: 'a form',
    parse: (text) => parseForm(text).resources,
    grammar: form,
    refusals: [OAuthError],
    pieces: ['&', '=', 'a=b&', '%41', '+', 'resource=x&'],
  },
  {
    name: 'a Basic header',
    parse: (text) => readClientCredentials(text, FORM_OF_NONE),
    grammar: basic,
    refusals: [OAuthError],
    pieces: ['Basic ', ' ', 'QQ==', '=', 'Ojo6'],
  },
  {
    name: 'credentials in a form',
    parse: (text) => readClientCredentials(undefined, parseForm(text)),
    grammar: form,
    refusals: [OAuthError],
    pieces: ['client_id=a&', '&', '%'],
  },
  {
    name: 'a scope',
    parse: (text) => grantScope(parseScope(text), ['view'], ['view']),
    grammar: fc.array(word).map((words) => words.join(' ')),
    refusals: [OAuthError],
    pieces: [' ', 'a ', 'view '],
  },
  {
    name: 'a resource',
    parse: (text) => grantAudience({ resources: [text], audience: text }, ['https://a']),
    grammar: fc.oneof(fc.webUrl(), word),
    refusals: [OAuthError],
    pieces: ['a:', '/', 'https://a', '%', '#'],
  },
  {
    name: 'authorization_details',
    parse: (text) => grantDetails(parseAuthorizationDetails(text), HELD, { resourceTypes: [] }),
    grammar: fc.oneof(details, json),
    refusals: [OAuthError],
    pieces: ['[', '{"type":"device","identifier":"d"},', '"', '\\'],
  },
  {
    name: 'a JWT before it is verified',
    parse: readUnverifiedJwt,
    grammar: jwt,
    refusals: [],
    pieces: ['.', 'eyJ', 'A'],
  },
  {
    name: 'a client assertion',
    parse: checkAssertion,
    grammar: fc.oneof(jwt, assertion),
    refusals: [],
    pieces: ['.', 'eyJ', 'A', 'e30.'],
  },
  {
    name: 'a client assertion in a form',
    parse: (text) => readClientCredentials(undefined, parseForm(text)),
    grammar: fc
      .tuple(fc.constantFrom('client_assertion_type', 'client_secret', 'x'), word, fc.oneof(jwt, assertion))
      .map(([name, value, one]) => `client_assertion=${one}&${name}=${encode(value)}`),
    refusals: [OAuthError],
    pieces: ['client_assertion=', 'client_assertion_type=urn', '.', 'A'],
  },
  {
    name: "a JWT in the verifier's hands",
    parse: (text) => readAccessToken(readJwt(text, JWT_RULES).claims, CLAIM_RULES as never),
    grammar: jwt,
    refusals: [TokenError],
    pieces: ['.', 'eyJ', 'A'],
  },
  {
    name: 'JSON without double members',
    parse: parseStrictObject,
    grammar: json,
    refusals: [TokenError],
    pieces: ['{"a":', '[', '"', '\\', ':'],
  },
  {
    name: 'a Bearer header',
    parse: (authorization) => readBearerToken({ headers: { authorization }, url: `/?${authorization}` }),
    grammar: fc.oneof(jwt, word).map((text) => `Bearer ${text}`),
    refusals: [TokenError],
    pieces: ['Bearer ', ' ', '=', 'access_token='],
  },
  {
    name: 'a status list',
    parse: (text) => decodeStatusList(parsed(text)),
    grammar: fc.record({ bits: fc.constantFrom(1, 2, 3), lst: base64 }).map((value) => JSON.stringify(value)),
    refusals: [Error],
    pieces: ['{"bits":1,"lst":"A', 'A'],
  },
  {
    name: 'a report of leaked secrets',
    parse: (text) => parseLeakedSecrets(parsed(text)),
    grammar: fc.oneof(
      json,
      fc.array(fc.record({ token: word, url: word, source: word })).map((value) => JSON.stringify(value)),
    ),
    refusals: [OAuthError],
    pieces: ['[{"token":"mm_', 'mm_', 'x'],
  },
  {
    name: 'a generated secret',
    parse: isGeneratedSecret,
    grammar: fc.stringMatching(/^mm_[0-9A-Za-z]{40,60}$/),
    refusals: [],
    pieces: ['mm_', '0', 'z'],
  },
  {
    name: 'names and descriptions',
    parse: (text) => [parseDescription(text), parseDisplayName(text)],
    grammar: fc.string({ unit: 'grapheme' }),
    refusals: [Refusal],
    pieces: [' ', 'a', '\u0301', '\u200d'],
  },
  {
    name: 'imported credentials',
    parse: (text) => [checkImportedClientId(text), checkImportedClientSecret(text)],
    grammar: word,
    refusals: [Refusal],
    pieces: ['a', ' ', '\u00e9'],
  },
  {
    name: 'settings of a realm',
    parse: (text) =>
      checkRealmSettings({
        ...DEFAULT_REALM_SETTINGS,
        displayName: text,
        scopes: [text],
        audiences: [text],
        roles: [text],
        resourceTypes: [text],
        jwksMaxAgeSeconds: Number(text),
      } satisfies RealmSettings),
    grammar: fc.oneof(word, fc.webUrl(), fc.integer().map(String)),
    refusals: [Refusal],
    pieces: ['a', '-', ':', '/'],
  },
  {
    name: 'an entry of an import',
    parse: (text) => parseResourceEntry(parsed(text), ['device', 'device_group']),
    grammar: fc.oneof(
      json,
      fc
        .record({ type: word, id: word, name: word, groups: fc.array(word) }, { requiredKeys: [] })
        .map((value) => JSON.stringify(value)),
    ),
    refusals: [Refusal],
    pieces: ['{"type":"device","id":"', 'a', '"'],
  },
  {
    name: 'If-Match',
    parse: (text) => readTags(text, 'If-Match'),
    grammar: fc.oneof(
      fc.integer().map((version) => `"${version}"`),
      word,
    ),
    refusals: [Refusal],
    pieces: [' ', '"', 'W/', '1', ',', '*'],
  },
  {
    name: 'a cursor',
    parse: readCursor,
    grammar: fc.oneof(base64, word),
    refusals: [Refusal],
    pieces: ['A', '=', '_'],
  },
  {
    name: 'a moment',
    parse: (text) => readMoment(text, 'from'),
    grammar: fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      word,
    ),
    refusals: [Refusal],
    pieces: ['2026-', '0', ':', ' '],
  },
  {
    name: 'the environment',
    parse: (text) => loadConfig({ ...(parsed(text) as object), MASTER_KEY_FILE: '' } as NodeJS.ProcessEnv),
    grammar: environment,
    refusals: [ConfigError],
    pieces: ['{"PUBLIC_URL":"', 'http://', 'a,'],
  },
]

/** Texts of the right form, the same ones damaged, and anything at all. */
export function inputsOf({ grammar, pieces }: Parser): fc.Arbitrary<string> {
  const damage = fc.tuple(
    grammar,
    fc.nat(),
    fc.nat(),
    fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary' })),
  )
  const damaged = damage.map(([text, at, length, insert]) => {
    const from = text.length === 0 ? 0 : at % text.length
    return text.slice(0, from) + insert + text.slice(from + (length % 5))
  })
  return fc.oneof(grammar, damaged, fc.string({ unit: 'binary', maxLength: 200 }))
}

/** Throws what is no designed refusal. */
export async function feed({ parse, refusals }: Parser, input: string): Promise<void> {
  try {
    await parse(input)
  } catch (error) {
    if (!refusals.some((refusal) => error instanceof refusal)) throw error
  }
}
