import type { Fault, Read } from './reader.ts'

/** Where the documentation site is served (`npm run docs`), without a trailing slash; `undefined`: no help links. */
export function readDocsUrl(read: Read, fault: Fault): string | undefined {
  const text = read('DOCS_URL')
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || /[?#]/.test(text))
    fault('DOCS_URL must be an http or https URL without query, fragment or credentials')
  return url?.href.replace(/\/$/, '')
}
