import type { FastifyRequest } from 'fastify'

/** Fields of a form; an absent one is empty. */
export interface Fields {
  get(name: string): string
  getAll(name: string): string[]
  /** All fields. */
  values(): string[]
  /** Each name once. */
  names(): string[]
}

/** Fields of a form. */
export function fieldsOf(request: FastifyRequest): Fields {
  const { fields = new URLSearchParams() } = (request.body ?? {}) as { fields?: URLSearchParams }
  return fieldsIn(fields)
}

export function fieldsIn(fields: URLSearchParams): Fields {
  return {
    get: (name) => fields.get(name) ?? '',
    getAll: (name) => fields.getAll(name),
    values: () => [...fields.values()],
    names: () => [...new Set(fields.keys())],
  }
}

/** Address of the page that a form was on; forms carry it without its first slash. */
export function pageOfForm(sent: Fields, realm: string): string | undefined {
  const page = `/${sent.get('form_page')}`
  if (!page.startsWith(`/portal/${realm}/`) || !URL.canParse(page, 'http://portal')) return undefined
  const { origin, pathname, search } = new URL(page, 'http://portal')
  return origin === 'http://portal' && pathname.startsWith(`/portal/${realm}/`)
    ? pathname + search
    : undefined
}

/** Last value of each name. */
export function queryIn(query: URLSearchParams): (name: string) => string {
  return (name) => query.getAll(name).at(-1) ?? ''
}

/** Without the notice of what was done, which is shown once. */
export function pageIn(address: string): string {
  return address.replace(/([?&])done=[^&]*&?/, '$1').replace(/[?&]$/, '')
}

/** The name of a field in words. */
export function wordsOf(name: string): string {
  const words = name.replaceAll(/[._]/g, ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
