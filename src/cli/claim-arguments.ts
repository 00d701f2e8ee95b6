import { InvalidArgumentError } from 'commander'

/** A rule as sent; the operation validates it. */
export interface SentRule {
  readonly claim: readonly string[]
  readonly equals?: unknown
  readonly matches?: string
}

const NAME = String.raw`"(?:[^"\\]|\\.)*"`
/** A path, then = for a text or := for JSON; neither counts within quotes or brackets. */
const RULE = new RegExp(String.raw`^((?:${NAME}|\[(?:${NAME}|[^\]"])*\]|[^"=[\]])+?)(:?=)(.*)$`, 's')

const EXAMPLES =
  "like repository_id=456789, kubernetes.io/namespace=prod, '\"https://sts.amazonaws.com/\".org_id=o-1' or 'email_verified:=true'"

/** Parser of `--rule claim=value`; may be given several times. */
export function equalsRule(text: string, before: readonly SentRule[] = []): SentRule[] {
  const [, path, sign, value = ''] = RULE.exec(text) ?? []
  if (path === undefined) throw new InvalidArgumentError(`It must be claim=value, ${EXAMPLES}.`)
  return [...before, { claim: claimPath(path), equals: sign === '=' ? value : json(value) }]
}

/** Parser of `--match claim=pattern`; may be given several times. */
export function matchesRule(text: string, before: readonly SentRule[] = []): SentRule[] {
  const [, path, sign, matches = ''] = RULE.exec(text) ?? []
  if (path === undefined || sign !== '=')
    throw new InvalidArgumentError('It must be claim=pattern, like ref=refs/heads/release-*.')
  return [...before, { claim: claimPath(path), matches }]
}

/** Parser of a claim; may be given several times. */
export function claims(text: string, before: readonly (readonly string[])[] = []): (readonly string[])[] {
  return [...before, claimPath(text)]
}

/**
 * A claim in a claim: names after slashes or dots; one that has such in it in quotes, or all as a list in JSON. A text with
 * slashes is parted by these alone, since `kubernetes.io/namespace` is how Kubernetes is known.
 */
export function claimPath(text: string): readonly string[] {
  if (text.startsWith('[')) return jsonPath(text)
  if (text.includes('://') && !text.includes('"'))
    throw new InvalidArgumentError(`A name with :// in it needs quotes, ${EXAMPLES}.`)
  const separator = text.includes('/') && !text.includes('"') ? '/' : '.'
  if (separator === '/') return text.split('/')
  const names = text.match(new RegExp(`${NAME}|[^."]+`, 'g')) ?? []
  if (names.length === 0 || names.join('.') !== text)
    throw new InvalidArgumentError(`It must name a claim, ${EXAMPLES}.`)
  return names.map((name) => (name.startsWith('"') ? String(json(name)) : name))
}

function jsonPath(text: string): readonly string[] {
  const path = json(text)
  if (!Array.isArray(path) || !path.every((name) => typeof name === 'string'))
    throw new InvalidArgumentError('The path of a claim in JSON must be a list of texts.')
  return path
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(`${text} is not JSON.`)
  }
}
