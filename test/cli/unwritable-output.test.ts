import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'

const MAIN = join(import.meta.dirname, '../../src/mintmark.js')
/** Takes nothing, as a full disk does. */
const FULL = '/dev/full'

t.test('a command whose reader has seen enough ends without a word, as SIGPIPE would end it', async (t) => {
  for (const args of [['--help'], ['completion', 'bash'], ['realm', '--help']]) {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    t.same({ code, stderr }, { code: 141, stderr: '' }, args.join(' '))
  }
})

t.test(
  'output that a full disk does not take is told in a sentence',
  { skip: !existsSync(FULL) },
  async (t) => {
    const onFull = () => openSync(FULL, 'w')
    const told = spawn(process.execPath, [MAIN, '--help'], { stdio: ['ignore', onFull(), 'pipe'] })
    const [stderr, [code]] = await Promise.all([
      text(told.stderr as NonNullable<typeof told.stderr>),
      once(told, 'exit'),
    ])
    t.equal(code, 1)
    t.match(
      stderr,
      /^mintmark: the output cannot be written: no space left on device; what the command did stays done\n$/,
    )

    const untold = spawn(process.execPath, [MAIN, 'relam'], { stdio: ['ignore', 'ignore', onFull()] })
    t.same(await once(untold, 'exit'), [1, null], 'standard error neither')
  },
)
