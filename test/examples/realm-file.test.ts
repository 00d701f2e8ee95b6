import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/realm.yaml')

t.test('the example of a realm file is applied, and again there is no change', async (t) => {
  const env = onDatabase(await testDatabase(t))
  t.match(await mintmark(['apply', '-f', EXAMPLE, '--dry-run'], env), { code: 2 })
  t.match(await mintmark(['apply', '-f', EXAMPLE], env), { code: 0, stderr: '' })
  t.match(await mintmark(['apply', '-f', EXAMPLE, '--prune', '--dry-run'], env), { code: 0 })
  const { stdout } = await mintmark(['export', '--realm', 'acme'], env)
  t.match(await mintmark(['apply', '-f', '-', '--prune', '--dry-run'], env, { input: stdout }), { code: 0 })
})

t.test('the example names what its page explains', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/realm-as-a-file.md'), 'utf8')
  const example = readFileSync(EXAMPLE, 'utf8')
  for (const [, member] of page.matchAll(/^\| `([a-z_]+)`/gm)) t.match(example, `${member}:`)
})
