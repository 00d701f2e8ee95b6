const REALM = '{realm}'

/** Returns whether two templates with `{realm}` can become the same text for some realm names. */
export function canCollide(one: string, other: string): boolean {
  const [a, b] = [templateOf(one), templateOf(other)]
  const prefix = longer(a.prefix, b.prefix, (long, short) => long.startsWith(short))
  const suffix = longer(a.suffix, b.suffix, (long, short) => long.endsWith(short))
  if (prefix === undefined || suffix === undefined) return false
  return candidates(prefix, suffix).some((text) => fits(a, text) && fits(b, text))
}

interface Template {
  readonly prefix: string
  readonly suffix: string
  /** What may stand between the fixed parts. */
  readonly middle: RegExp
}

function templateOf(text: string): Template {
  const [prefix = '', ...rest] = text.split(REALM)
  const suffix = rest.at(-1)
  if (suffix === undefined) return { prefix, suffix: '', middle: /^$/ }
  // Anything may stand between two realm names: prefer a false collision to a missed one.
  return { prefix, suffix, middle: rest.length === 1 ? /^[a-z0-9-]{1,63}$/ : /./ }
}

function fits({ prefix, suffix, middle }: Template, text: string): boolean {
  const length = text.length - prefix.length - suffix.length
  if (length < 0 || !text.startsWith(prefix) || !text.endsWith(suffix)) return false
  return middle.test(text.slice(prefix.length, prefix.length + length))
}

function longer(one: string, other: string, isPart: (long: string, short: string) => boolean) {
  const [long, short] = one.length > other.length ? [one, other] : [other, one]
  return isPart(long, short) ? long : undefined
}

/** Shortest texts with this start and end: overlapped, joined, or with one letter between them. */
function candidates(prefix: string, suffix: string): string[] {
  const texts = [`${prefix}x${suffix}`]
  for (let shared = 0; shared <= Math.min(prefix.length, suffix.length); shared++)
    if (prefix.endsWith(suffix.slice(0, shared))) texts.push(prefix + suffix.slice(shared))
  return texts
}
