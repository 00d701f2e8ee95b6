import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t from 'tap'

const LOGGER = join(import.meta.dirname, '../../src/server/logger.ts')

/** What a logger writes in a process of its own, since it writes to standard error itself. */
async function logged(stream: object, statement: string): Promise<string> {
  const script = `import { createLogger } from ${JSON.stringify(LOGGER)}
    const logger = createLogger('info', ${JSON.stringify(stream)})
    ${statement}`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    script,
  ])
  t.equal(stdout, '')
  return stderr
}

t.test('logs are JSON lines, and readable lines on a terminal', async (t) => {
  t.match(JSON.parse(await logged({}, "logger.info('hello')")), { level: 30, msg: 'hello' })
  t.match(await logged({ isTTY: true }, "logger.info('hello')"), /INFO.*: hello\n$/)
})

t.test('only members of an error without secrets are logged', async (t) => {
  const line = JSON.parse(
    await logged(
      {},
      "logger.error({ err: Object.assign(new TypeError('m'), { code: 'C', secret: 's3cret' }) }, 'x')",
    ),
  )
  t.match(line.err, { type: 'TypeError', message: 'm', stack: /TypeError: m/, code: 'C' })
  t.notOk('secret' in line.err)
  t.same(JSON.parse(await logged({}, "logger.error({ err: 's3cret' }, 'x')")).err, { message: 'string' })
})

t.test('an exiting process loses no log line', async (t) => {
  const lines = (await logged({}, "for (let i = 0; i < 1000; i++) logger.info({ i }, 'x'); process.exit(0)"))
    .trimEnd()
    .split('\n')
  t.strictSame(
    lines.map((line) => JSON.parse(line).i),
    Array.from({ length: 1000 }, (_, i) => i),
  )
})

t.test(
  'a line is out by the next turn of the event loop, so that a kill -9 loses none of those before',
  async (t) => {
    const kill =
      "logger.info('x'); setImmediate(() => setImmediate(() => process.kill(process.pid, 'SIGKILL')))"
    const error = await logged({}, kill).catch((reason: { stderr: string; signal: string }) => reason)
    t.match(error, { signal: 'SIGKILL', stderr: /"msg":"x"/ })
  },
)

t.test('a log that cannot be written stops nothing', { skip: !existsSync('/dev/full') }, async (t) => {
  const script = `import { createLogger } from ${JSON.stringify(LOGGER)}
    const logger = createLogger('info', {})
    for (let i = 0; i < 3; i++) {
      for (let line = 0; line < 1000; line++) logger.info({ text: 'x'.repeat(1000) }, 'x')
      await new Promise(setImmediate)
    }
    process.stdout.write('done')`
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', full],
  })
  const [stdout, [code]] = await Promise.all([text(child.stdout as Readable), once(child, 'exit')])
  t.strictSame([stdout, code], ['done', 0])
})

t.test('a reader that pauses holds nothing up, and gets every line later', async (t) => {
  const script = `import { createLogger } from ${JSON.stringify(LOGGER)}
    const logger = createLogger('info')
    for (let i = 0; i < 500; i++) {
      logger.info({ i, text: 'x'.repeat(1000) }, 'x')
      await new Promise(setImmediate)
    }
    process.stdout.write('done')
    process.stdin.once('data', () => {
      logger.info('exit')
      process.exit()
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' })
  t.equal(String(await once(child.stdout, 'data')), 'done')
  const reading = text(child.stderr)
  child.stderr.on('data', (chunk: Buffer) => {
    if (chunk.includes('"i":499')) child.stdin.end('exit')
  })
  const lines = (await reading).trimEnd().split('\n')
  t.strictSame(
    lines.slice(0, -1).map((line) => JSON.parse(line).i),
    Array.from({ length: 500 }, (_, i) => i),
  )
  t.match(JSON.parse(lines.at(-1) as string), { msg: 'exit' })
})

t.test('a log reader that never reads does not prevent the exit', async (t) => {
  const script = `import { createLogger } from ${JSON.stringify(LOGGER)}
    const logger = createLogger('info')
    for (let i = 0; i < 500; i++) logger.info({ text: 'x'.repeat(1000) }, 'x')
    process.exit(7)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' })
  t.strictSame(await once(child, 'exit'), [7, null])
})

t.test('the log does not wait for the disk', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = t.testdir()
  const file = openSync(join(folder, 'log'), 'w')
  t.teardown(() => closeSync(file))
  const script = `import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    let syncs = 0
    fs.fsyncSync = () => { syncs++ }
    syncBuiltinESMExports()
    const { createLogger } = await import(${JSON.stringify(LOGGER)})
    const logger = createLogger('info', {})
    for (let i = 0; i < 100; i++) { logger.info('x'); await new Promise(setImmediate) }
    process.stdout.write(String(syncs))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', file],
  })
  t.equal(await text(child.stdout as Readable), '0')
})
