import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { GO, MAVEN, missing, PYTHON, pypi } from './programs.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const VECTORS = join(ROOT, 'docs/status-list-vectors.json')

const expected = (
  JSON.parse(readFileSync(VECTORS, 'utf8')) as { tokens: { name: string; expected: string }[] }
).tokens
  .map((vector) => `${vector.name}: ${vector.expected}\n`)
  .join('')

const PORTS = [
  { language: 'go', needs: [GO], command: ['go', 'run', '.', VECTORS] },
  {
    language: 'python',
    needs: [PYTHON, pypi('cryptography')],
    command: ['python3', '-B', 'try_vectors.py', VECTORS],
  },
  {
    language: 'java',
    needs: [MAVEN],
    command: ['mvn', '-q', '-B', 'compile', 'exec:java', `-Dexec.args=${VECTORS}`],
  },
]

for (const { language, needs, command } of PORTS)
  t.test(
    `the ${language} reader of status lists agrees with the published vectors`,
    { skip: missing(...needs) },
    async (t) => {
      const [program, ...args] = command
      const cwd = join(ROOT, 'examples/status-list', language)
      const env = { ...process.env, NODE_OPTIONS: '' }
      const { stdout } = await promisify(execFile)(program as string, args, { cwd, env })
      // Maven resets the colours of a terminal that is not there.
      t.equal(stdout.replaceAll('\u001b[0m', ''), expected)
    },
  )
