import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const TESTS = join(import.meta.dirname, '..')
const SUITES = join(TESTS, 'suites')

t.test('npm test runs each folder with test files in exactly one suite', async (t) => {
  const named = readdirSync(SUITES).flatMap((file) => {
    const [, folders = ''] = /runFolders\(([^)]*)\)/.exec(readFileSync(join(SUITES, file), 'utf8')) ?? []
    return [...folders.matchAll(/'([^']+)'/g)].map(([, folder]) => folder)
  })
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  const folders = new Set(files.filter((file) => file.endsWith('.test.ts')).map(dirname))
  t.strictSame(named.toSorted(), [...folders].toSorted())
})
