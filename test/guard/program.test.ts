import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createTestIssuer } from '../../packages/verifier/src/testing.ts'

const MAIN = join(import.meta.dirname, '../../packages/verifier/src/guard/main.ts')
const env = { ...process.env, NODE_OPTIONS: '' }

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: (error?.code as number | undefined) ?? 0, stdout, stderr }),
    )
  })
}

t.test('the guard serves several issuers and routes of a file, and ends when it is told to', async (t) => {
  const issuers = await Promise.all([createTestIssuer(), createTestIssuer({ realm: 'other' })])
  t.teardown(() => Promise.all(issuers.map((issuer) => issuer.close())))
  const config = join(
    t.testdir({
      'guard.json': JSON.stringify({
        issuers: issuers.map(({ url, audience }) => ({ issuer: url, audience, accept_for_seconds: 60 })),
        routes: [{ path: '/', scope: ['a', 'b'] }],
      }),
    }),
    'guard.json',
  )
  const child = spawn(process.execPath, [MAIN, 'guard', '--config', config, '--listen', '127.0.0.1:0'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  for await (const line of createInterface(child.stderr)) {
    const { msg, address } = JSON.parse(line)
    t.equal(msg, 'listening')
    const url = `http://127.0.0.1:${address.port}`
    for (const issuer of issuers) {
      const headers = { authorization: `Bearer ${await issuer.token({ scope: 'a b' })}` }
      t.equal((await fetch(`${url}/check/x`, { headers })).status, 200)
      const less = { authorization: `Bearer ${await issuer.token({ scope: 'a' })}` }
      t.equal((await fetch(`${url}/check/x`, { headers: less })).status, 403)
    }
    t.equal((await fetch(`${url}/ready`)).status, 200)
    break
  }
  child.kill('SIGTERM')
  const code = await new Promise((resolve) => child.once('exit', resolve))
  t.equal(code, 0)
})

t.test(
  'the guard starts without its issuer, on a socket that one before it left behind, and is ready when the issuer is',
  async (t) => {
    const free = await createTestIssuer()
    await free.close()
    const port = Number(new URL(free.url).port)
    const folder = mkdtempSync(join(tmpdir(), 'guard-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'guard.sock')
    const args = ['guard', '--issuer', free.url, '--audience', free.audience, '--listen', `unix:${path}`]
    const start = async () => {
      const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] })
      t.teardown(() => child.kill('SIGKILL'))
      for await (const line of createInterface(child.stderr)) {
        t.equal(JSON.parse(line).msg, 'listening')
        break
      }
      return child
    }
    const status = (url: string, headers = {}) =>
      new Promise((resolve, reject) => {
        get({ socketPath: path, path: url, headers }, (answer) => {
          resolve(answer.resume().statusCode)
        }).once('error', reject)
      })
    const killed = await start()
    killed.kill('SIGKILL')
    await new Promise((resolve) => killed.once('exit', resolve))
    const child = await start()
    t.equal(await status('/ready'), 503)
    t.equal(await status('/check'), 401)
    const issuer = await createTestIssuer({ port })
    t.teardown(() => issuer.close())
    const headers = { authorization: `Bearer ${await issuer.token()}` }
    while ((await status('/ready')) !== 200) await sleep(50)
    t.equal(await status('/check', headers), 200)
    child.kill('SIGTERM')
    t.equal(await new Promise((resolve) => child.once('exit', resolve)), 0)
  },
)

t.test('a mistake of the operator is a sentence and the exit code 2', async (t) => {
  const folder = t.testdir({
    'no.json': '{',
    'list.json': '[]',
    'empty.json': '{"issuers": []}',
    'unknown.json': '{"issuers": [{"issuer": "https://a.example", "audience": "x"}], "route": []}',
    'route.json':
      '{"issuers": [{"issuer": "https://a.example", "audience": "x"}], "routes": [{"path": "/", "scop": "x"}]}',
    'issuer.json': '{"issuers": ["https://a.example"]}',
    'twice.json':
      '{"issuers": [{"issuer": "https://a.example", "audience": "x", "acceptForSeconds": 1, "accept_for_seconds": 2}]}',
    'null.json': '{"issuers": [{"issuer": "https://a.example", "audience": "x"}], "routes": [null]}',
    'option.json': '{"issuers": [{"issuer": "https://a.example", "audiense": "x"}]}',
  })
  const issuer = ['--issuer', 'https://auth.example/realms/a']
  const cases: [string[], RegExp][] = [
    [['guard'], /--issuer and --audience are needed/],
    [['guard', ...issuer, '--audience', 'x', '--listen', 'nowhere'], /is not an address/],
    [['guard', ...issuer, '--audience', 'x', '--check', 'introspect'], /needs the option introspection/],
    [['guard', ...issuer, '--audience', 'x', '--wrong'], /--wrong/],
    [['guard', '--issuer', 'http://auth.example/realms/a', '--audience', 'x'], /plain HTTP/],
    [['guard', '--config', join(folder, 'none.json')], /cannot be read/],
    [['guard', '--config', join(folder, 'no.json')], /cannot be read/],
    [['guard', '--config', join(folder, 'list.json')], /not a JSON object/],
    [['guard', '--config', join(folder, 'empty.json')], /not a list of issuers/],
    [['guard', '--config', join(folder, 'unknown.json')], /route is unknown/],
    [['guard', '--config', join(folder, 'route.json')], /the demand scop is unknown/],
    [['guard', '--config', join(folder, 'issuer.json')], /an issuer is not a JSON object/],
    [['guard', '--config', join(folder, 'twice.json')], /acceptForSeconds is there twice/],
    [['guard', '--config', join(folder, 'null.json')], /a route is not a JSON object/],
    [['guard', '--config', join(folder, 'option.json')], /audiense is not an option/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await run(...args)
    t.equal(code, 2, args.join(' '))
    t.match(stderr, message)
    t.notMatch(stderr, /\n +at /, 'no stack')
  }
  t.match(await run('--help'), { code: 0, stdout: /^Usage: mintmark-verifier guard/ })
  t.equal((await run('other')).code, 2)
})
