/** Members that hold JSON of others, whose names are left alone. */
const OPAQUE: ReadonlySet<string> = new Set([
  'claims',
  'details',
  'header',
  'jwk',
  'jwks',
  'keys',
  'metadata',
  'rules',
  'realm_claims',
])

/** An object of the admin API in the names of the domain: null is absent, and times are dates. */
export function fromWire<T>(value: unknown): T {
  return read(value) as T
}

function read(value: unknown): unknown {
  if (value === null) return undefined
  if (Array.isArray(value)) return value.map(read)
  if (typeof value !== 'object') return value
  const members = Object.entries(value as object).map(([name, one]) => [
    name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    OPAQUE.has(name) ? (one ?? undefined) : isTime(name, one) ? new Date(one as string) : read(one),
  ])
  return Object.fromEntries(members)
}

function isTime(name: string, value: unknown): boolean {
  return typeof value === 'string' && (name === 'at' || name.endsWith('_at'))
}

/** A server of an older version says none. */
export function warningsFromWire(body: unknown): readonly string[] {
  return (body as { warnings?: string[] }).warnings ?? []
}

/** The opposite, for a body: what is undefined is left out. */
export function toWire(value: object): object {
  const members = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      name === 'quota' && one !== null ? toWire(one as object) : one,
    ])
  return Object.fromEntries(members)
}

/** Parts of a path, encoded. */
export function pathOf(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('')
}

/** A page of a list. */
export function pageFromWire<T>(body: unknown, read: (item: unknown) => T) {
  const { items, next_cursor } = body as { items: readonly unknown[]; next_cursor: string | null }
  return { items: items.map(read), next: next_cursor ?? undefined }
}
