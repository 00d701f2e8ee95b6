import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { codeOf } from './pages.ts'
import { GO, type Need, PYTHON, PYTHON_PROGRAM, pypi, pypiVersion } from './programs.ts'

/** A program that a page shows, whole. */
export interface QuickStart {
  readonly name: string
  readonly version: () => string
  readonly settings: string
  readonly code: string
  readonly file: string
  readonly needs: readonly Need[]
  readonly prepare?: (folder: string) => Promise<unknown>
  readonly command: readonly [string, ...string[]]
}

const ROOT = resolve(import.meta.dirname, '../..')
const OAUTH2_FOR_GO = '0.30.0'
const run = promisify(execFile)

async function installClient(folder: string): Promise<void> {
  // Without the test runner's own hooks, which every child process would get.
  await run('env', ['-u', 'NODE_OPTIONS', 'npm', 'run', 'build'], { cwd: join(ROOT, 'packages/client') })
  mkdirSync(join(folder, 'node_modules/@mintmark'), { recursive: true })
  symlinkSync(join(ROOT, 'packages/client'), join(folder, 'node_modules/@mintmark/client'))
}

async function fetchModules(folder: string): Promise<void> {
  writeFileSync(join(folder, 'go.mod'), 'module example/quickstart\n\ngo 1.24\n')
  await run('go', ['get', `golang.org/x/oauth2@v${OAUTH2_FOR_GO}`], { cwd: folder })
}

/** The version in the first line that a program prints. */
function versionOf(program: string): string {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return /\d[\w.]*/.exec(stdout)?.[0] ?? ''
}

function clientVersion(): string {
  return JSON.parse(readFileSync(join(ROOT, 'packages/client/package.json'), 'utf8')).version
}

const [python = '', authlib = ''] = codeOf('python.md', 'python')

export const QUICK_STARTS: readonly QuickStart[] = [
  {
    name: 'curl',
    version: () => versionOf('curl'),
    settings: '',
    code: codeOf('curl.md', 'sh')[0] as string,
    file: 'main.sh',
    needs: [
      ['curl', 'curl', '--version'],
      ['jq', 'jq', '--version'],
    ],
    command: ['sh', 'main.sh'],
  },
  {
    name: '@mintmark/client',
    version: clientVersion,
    settings: '',
    code: codeOf('node.md', 'js')[0] as string,
    file: 'main.mjs',
    needs: [],
    prepare: installClient,
    command: [process.execPath, 'main.mjs'],
  },
  {
    name: 'requests-oauthlib',
    version: () => pypiVersion('requests-oauthlib'),
    settings: '`OAUTHLIB_INSECURE_TRANSPORT=1` for plain HTTP',
    code: python,
    file: 'main.py',
    needs: [PYTHON, pypi('requests-oauthlib', 'requests_oauthlib')],
    command: [PYTHON_PROGRAM, 'main.py'],
  },
  {
    name: 'Authlib',
    version: () => pypiVersion('Authlib'),
    settings: '',
    code: authlib,
    file: 'main.py',
    needs: [PYTHON, pypi('Authlib', 'authlib.integrations.requests_client')],
    command: [PYTHON_PROGRAM, 'main.py'],
  },
  {
    name: 'golang.org/x/oauth2',
    version: () => OAUTH2_FOR_GO,
    settings: '',
    code: codeOf('go.md', 'go')[0] as string,
    file: 'main.go',
    needs: [GO],
    prepare: fetchModules,
    command: ['go', 'run', '.'],
  },
]
