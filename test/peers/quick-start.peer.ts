import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createVerifier } from '../../packages/verifier/src/index.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'
import { GO, missing, type Need, PYTHON, pypi } from './programs.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** A realm with an account, an API that takes its tokens, and a folder with the account's secret. */
async function world(t: Test) {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
  const { app, operations } = await testServer(t, { publicUrl, clock })
  await operations.realms.create(TESTER, 'acme', {})
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await app.listen({ port, host: 'localhost' })
  const issuer = `${publicUrl}/realms/acme`
  const verifier = createVerifier({ issuer, audience: issuer })
  const api = createServer((request, response) => {
    verifier.authenticate(request).then(
      ({ clientId }) => response.end(`hello ${clientId}`),
      (error) => response.writeHead(error.status ?? 500).end(),
    )
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  t.teardown(() => api.close())
  const folder = t.testdir({ secret: clientSecret })
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    MINTMARK_ISSUER: issuer,
    MINTMARK_CLIENT_ID: account.clientId,
    MINTMARK_CLIENT_SECRET_FILE: join(folder, 'secret'),
    API_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}/`,
    OAUTHLIB_INSECURE_TRANSPORT: '1',
  }
  return { folder, env, clientId: account.clientId, operations }
}

/** The code of a page that is marked with a language. */
function codeOf(page: string, language: string): string[] {
  const text = readFileSync(join(ROOT, 'docs/quick-start', page), 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, marked]) => marked === language)
    .map(([, , code]) => code as string)
}

interface Program {
  readonly name: string
  readonly code: string
  readonly file: string
  readonly needs: readonly Need[]
  readonly prepare?: (folder: string) => Promise<unknown>
  readonly command: readonly [string, ...string[]]
}

const run = promisify(execFile)

async function installClient(folder: string): Promise<void> {
  // Without the test runner's own hooks, which every child process would get.
  await run('env', ['-u', 'NODE_OPTIONS', 'npm', 'run', 'build'], { cwd: join(ROOT, 'packages/client') })
  mkdirSync(join(folder, 'node_modules/@mintmark'), { recursive: true })
  symlinkSync(join(ROOT, 'packages/client'), join(folder, 'node_modules/@mintmark/client'))
}

async function fetchModules(folder: string): Promise<void> {
  writeFileSync(join(folder, 'go.mod'), 'module example/quickstart\n\ngo 1.24\n')
  await run('go', ['get', 'golang.org/x/oauth2@v0.30.0'], { cwd: folder })
}

const [python = '', authlib = ''] = codeOf('python.md', 'python')
const PROGRAMS: readonly Program[] = [
  {
    name: 'curl',
    code: codeOf('curl.md', 'sh')[0] as string,
    file: 'main.sh',
    needs: [
      ['curl', 'curl', '--version'],
      ['jq', 'jq', '--version'],
    ],
    command: ['sh', 'main.sh'],
  },
  {
    name: 'Node',
    code: codeOf('node.md', 'js')[0] as string,
    file: 'main.mjs',
    needs: [],
    prepare: installClient,
    command: [process.execPath, 'main.mjs'],
  },
  {
    name: 'requests-oauthlib',
    code: python,
    file: 'main.py',
    needs: [PYTHON, pypi('requests-oauthlib', 'requests_oauthlib')],
    command: ['python3', 'main.py'],
  },
  {
    name: 'Authlib',
    code: authlib,
    file: 'main.py',
    needs: [PYTHON, pypi('Authlib', 'authlib')],
    command: ['python3', 'main.py'],
  },
  {
    name: 'golang.org/x/oauth2',
    code: codeOf('go.md', 'go')[0] as string,
    file: 'main.go',
    needs: [GO],
    prepare: fetchModules,
    command: ['go', 'run', '.'],
  },
]

for (const { name, code, file, needs, prepare, command } of PROGRAMS)
  t.test(
    `the quick start for ${name} calls an API, and is refused once its account is deleted`,
    {
      skip: missing(...needs),
    },
    async (t) => {
      const { folder, env, clientId, operations } = await world(t)
      writeFileSync(join(folder, file), code)
      await prepare?.(folder)
      const [program, ...args] = command
      const { stdout } = await run(program, args, { cwd: folder, env })
      t.match(stdout, `hello ${clientId}`)
      await operations.accounts.delete(TESTER, 'acme', clientId)
      const refused = await run(program, args, { cwd: folder, env }).then(
        (output) => output.stdout,
        (error: { stderr: string }) => error.stderr,
      )
      t.notMatch(refused, 'hello')
    },
  )
