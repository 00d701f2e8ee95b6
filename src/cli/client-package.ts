import { existsSync } from 'node:fs'

export type ClientPackage = typeof import('@mintmark/client')

/** Loads @mintmark/client: in a checkout its source, for nothing is built there. */
export function loadClientPackage(): Promise<ClientPackage> {
  const source = new URL('../../packages/client/src/index.ts', import.meta.url)
  return import(existsSync(source) ? source.href : '@mintmark/client')
}
