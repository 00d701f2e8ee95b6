/** The parts of a token endpoint's answer that are compared. */
export interface ComparedAnswer {
  readonly status: number
  /** JSON of the response; `undefined`: it is none. */
  readonly response: unknown
  /** Header of the access token; `undefined`: there is none, or it is no JWT. */
  readonly header?: unknown
  readonly claims?: unknown
}

/** Something that differs between two answers. `undefined`: it is not there. */
export interface Difference {
  /** For example `claims.realm_access.roles`. */
  readonly path: string
  readonly old: unknown
  readonly new: unknown
}

/** Differs in any two tokens, or is a text for people. */
const ALWAYS_IGNORED = [
  'header.kid',
  'claims.iat',
  'claims.exp',
  'claims.jti',
  'response.access_token',
  'response.error_description',
]

/** Lists of words, in any order. */
const WORDS: ReadonlySet<string> = new Set(['claims.scope', 'response.scope'])

const FIRST = /^(status|response|header|claims)(\.|$)/

/** Whether it may be the path of a difference. */
export function isComparedPath(path: string): boolean {
  return FIRST.test(path)
}

/** What differs, by path. @param ignored paths, with all below them */
export function compareAnswers(
  old: ComparedAnswer,
  now: ComparedAnswer,
  ignored: readonly string[],
): Difference[] {
  const all = [...ALWAYS_IGNORED, ...ignored]
  const isIgnored = (path: string) => all.some((one) => path === one || path.startsWith(`${one}.`))
  const before = membersOf(old)
  const after = membersOf(now)
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter((path) => !isIgnored(path))
  return paths
    .filter((path) => !isSame(path, before.get(path), after.get(path)))
    .map((path) => ({ path, old: before.get(path), new: after.get(path) }))
}

/** Values that are no objects, by path. */
function membersOf(answer: ComparedAnswer): Map<string, unknown> {
  const members = new Map<string, unknown>()
  const add = (path: string, value: unknown): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      if (value !== undefined) members.set(path, value)
      return
    }
    const entries = Object.entries(value)
    if (entries.length === 0 && path.includes('.')) members.set(path, {})
    for (const [name, one] of entries) add(`${path}.${name}`, one)
  }
  for (const part of ['status', 'response', 'header', 'claims'] as const) add(part, answer[part])
  return members
}

/** Seconds that pass while a token is made. */
const MAKING_SECONDS = 2

function isSame(path: string, old: unknown, now: unknown): boolean {
  if (path === 'response.expires_in' && typeof old === 'number' && typeof now === 'number')
    return Math.abs(old - now) <= MAKING_SECONDS
  return textOf(path, old) === textOf(path, now)
}

/** The same for equal values: arrays of roles and audiences are in any order. */
function textOf(path: string, value: unknown): string | undefined {
  if (Array.isArray(value)) return JSON.stringify(value.map((one) => JSON.stringify(one)).sort())
  if (WORDS.has(path) && typeof value === 'string') return JSON.stringify(value.split(' ').sort())
  return JSON.stringify(value)
}
