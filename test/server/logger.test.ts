import { execFile } from 'node:child_process'
import { join } from 'node:path'
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

t.test('logs are JSON lines, and something for the eye on a terminal', async (t) => {
  t.match(JSON.parse(await logged({}, "logger.info('hello')")), { level: 30, msg: 'hello' })
  t.match(await logged({ isTTY: true }, "logger.info('hello')"), /INFO.*: hello\n$/)
})

t.test('of an error, only what is sure to hold no secret is logged', async (t) => {
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
