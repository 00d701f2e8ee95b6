import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { missing, served, tool } from './served.ts'

const SPECTRAL = 'node_modules/@stoplight/spectral-cli/dist/index.js'

t.test('the document has no finding by the rules of spectral:oas', { skip: missing(SPECTRAL) }, async (t) => {
  const { file } = await served(t)
  const ruleset = join(import.meta.dirname, 'spectral.yaml')
  const args = [
    tool(SPECTRAL),
    'lint',
    file,
    '--ruleset',
    ruleset,
    '--format',
    'json',
    '--fail-severity',
    'hint',
  ]
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>()
  execFile(process.execPath, args, { maxBuffer: 1e8 }, (error, stdout, stderr) =>
    resolve({ code: error ? error.code : 0, stdout, stderr }),
  )
  const { code, stdout, stderr } = await promise
  const found = stdout.match(/^\[.*\]/ms)?.[0] ?? '[]'
  const findings = JSON.parse(found).map((one: { code: string; path: string[]; message: string }) =>
    [one.code, one.path.join('.'), one.message].join(' '),
  )
  t.same(findings.slice(0, 30), [])
  t.equal(code, 0, stdout + stderr)
})
