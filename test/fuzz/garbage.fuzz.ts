import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { testDatabase } from '../support/postgres.ts'

const connectionString = await testDatabase(t)

// A ratio of what the garbage collector says, which is another one on a busy machine.
t.test('a query that is over is young garbage', async (t) => {
  const module = import.meta.resolve('../../src/storage/database.ts')
  const script = `import { sql } from 'kysely'
    import { openDatabase } from ${JSON.stringify(module)}
    const db = openDatabase({ connectionString: process.env.URL, poolSize: 2, onIdleError: () => {} })
    for (let i = 0; i < 3000; i++) await sql\`select n, repeat('x', 20) as x from generate_series(1, 30) n\`.execute(db)
    await db.destroy()`
  // Code that is counted for coverage keeps more objects alive.
  const uncounted = ['--unset=NODE_V8_COVERAGE', '--unset=NODE_OPTIONS']
  const { stdout } = await promisify(execFile)(
    'env',
    [
      ...uncounted,
      process.execPath,
      '--max-semi-space-size=1',
      '--trace-gc-nvp',
      '--input-type=module',
      '-e',
      script,
    ],
    { cwd: import.meta.dirname, env: { ...process.env, URL: connectionString }, maxBuffer: 2 ** 26 },
  )
  const lines = stdout.split('\n').filter((line) => / gc=s /.test(line))
  // What was loaded at the start does grow old.
  const later = lines.slice(lines.length >> 1)
  const sum = (name: string) =>
    later.reduce((total, line) => total + Number(new RegExp(` ${name}=(\\d+)`).exec(line)?.[1]), 0)
  t.ok(later.length > 10, `${later.length} collections`)
  const share = sum('promoted') / sum('allocated')
  t.ok(share < 0.01, `${share} of it gets old`)
})
