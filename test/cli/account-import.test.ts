import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme'], env)

const LINES = [
  {
    client_id: 'billing',
    name: 'Billing',
    secret_hash: '$2y$06$YJNcjWvSkquUJifG6wIIUenawvSG6dzqwvq4twZ2OixMRYnWQ7r1G',
  },
  { client_id: 'shipping', name: 'Shipping', client_secret: 'kX8-vq2W_tR7nPz4mB' },
].map((line) => JSON.stringify(line))

const run = (args: string[], input = '') => mintmark([...args, '--realm', 'acme'], env, { input })

t.test(
  'accounts are imported from a file or standard input; the same lines again change nothing',
  async (t) => {
    const file = join(t.testdir({}), 'accounts.ndjson')
    writeFileSync(file, LINES.join('\n'))
    t.equal(
      (await run(['import', 'accounts', file])).stdout,
      'created: 2\nupdated: 0\nunchanged: 0\nrefused: 0\nby foreign hash: 1\n',
    )
    t.same(JSON.parse((await run(['import', 'accounts', '--json'], LINES.join('\n'))).stdout), {
      created: 0,
      updated: 0,
      unchanged: 2,
      refused: 0,
      by_foreign_hash: 0,
      kept_secrets: [],
      refused_lines: [],
    })
    t.match((await run(['service-account', 'list'])).stdout, /since they were not used here: 1\n$/)
    t.match(
      (await run(['service-account', 'show', 'billing'])).stdout,
      /secret hashed by +bcrypt, until it is used/,
    )
    const listed = JSON.parse((await run(['service-account', 'list', '--json'])).stdout)
    t.match(listed, [
      { client_id: 'billing', foreign_hash: 'bcrypt' },
      { client_id: 'shipping', foreign_hash: null },
    ])
  },
)

t.test('an import with lines that are refused tells them and fails', async (t) => {
  const { code, stdout, stderr } = await run(['import', 'accounts', '--json'], `{}\n${LINES[0]}\n`)
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { unchanged: 1, refused: 1, refused_lines: [{ line: 1, field: 'client_id' }] })
  t.match(JSON.parse(stderr), {
    code: 'invalid',
    detail: /^lines that were refused: 1\n {2}line 1: A line needs a client_id\./,
  })
})
