import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const BUNDLE = join(ROOT, 'dist/bundle/main.js')

/** The program as it is published, which starts in half the time; its sources where they are newer or coverage is taken. */
export const PROGRAM = isBundleFresh() ? BUNDLE : join(ROOT, 'src/mintmark.js')

function isBundleFresh(): boolean {
  const made = statSync(BUNDLE, { throwIfNoEntry: false })
  if (!made || process.env['NODE_V8_COVERAGE'] !== undefined) return false
  const sources = globSync(['package-lock.json', 'deploy/image/bundle.ts', '{src,packages/*/src}/**/*.*'], {
    cwd: ROOT,
  })
  return sources.every((path) => statSync(join(ROOT, path)).mtimeMs < made.mtimeMs)
}
