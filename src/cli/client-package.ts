import { existsSync } from 'node:fs'

/** Loads @mintmark/client: in a checkout its source, for nothing is built there. */
export function loadClientPackage(): Promise<typeof import('@mintmark/client')> {
  const source = new URL('../../packages/client/src/index.ts', import.meta.url)
  return import(existsSync(source) ? source.href : '@mintmark/client')
}
