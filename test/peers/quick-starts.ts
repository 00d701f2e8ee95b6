import { execFile, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { codeOf, filesOf } from './pages.ts'
import {
  CURL_AND_JQ,
  debianVersion,
  GO,
  type Need,
  PEERS,
  PYTHON,
  PYTHON_PROGRAM,
  pypi,
  pypiVersion,
  setUp,
} from './programs.ts'

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
const GUZZLE = '/usr/share/php/GuzzleHttp/autoload.php'
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

/** The script of the only step of the workflow. */
function actionsScript(): string {
  const [workflow = ''] = codeOf('github-actions.md', 'yaml')
  return parse(workflow).jobs.call.steps[0].run
}

/** The version of the crate that the set-up built with. */
function crateVersion(): string {
  const lock = readFileSync(join(PEERS, 'rust/Cargo.lock'), 'utf8')
  return /name = "oauth2"\nversion = "([\d.]+)"/.exec(lock)?.[1] ?? ''
}

/** Composer's autoloader of a project, as Debian's package has it. */
async function useGuzzle(folder: string): Promise<void> {
  mkdirSync(join(folder, 'vendor'))
  writeFileSync(join(folder, 'vendor/autoload.php'), `<?php require '${GUZZLE}';\n`)
}

/** Builds with what the set-up fetched and built, and no more. */
async function buildRust(folder: string): Promise<void> {
  for (const [name, code] of filesOf('rust.md')) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), code)
  }
  copyFileSync(join(PEERS, 'rust/Cargo.lock'), join(folder, 'Cargo.lock'))
  const target = join(PEERS, 'rust/target')
  await run('cargo', ['build', '-q', '--release', '--offline', '--target-dir', target], { cwd: folder })
}

const [python = '', authlib = ''] = codeOf('python.md', 'python')

export const QUICK_STARTS: readonly QuickStart[] = [
  {
    name: 'curl',
    version: () => versionOf('curl'),
    settings: 'none',
    code: codeOf('curl.md', 'sh')[0] as string,
    file: 'main.sh',
    needs: CURL_AND_JQ,
    command: ['sh', 'main.sh'],
  },
  {
    name: '@mintmark/client',
    version: clientVersion,
    settings: 'none',
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
    settings: 'none',
    code: authlib,
    file: 'main.py',
    needs: [PYTHON, pypi('Authlib', 'authlib.integrations.requests_client')],
    command: [PYTHON_PROGRAM, 'main.py'],
  },
  {
    name: 'golang.org/x/oauth2',
    version: () => OAUTH2_FOR_GO,
    settings: 'none',
    code: codeOf('go.md', 'go')[0] as string,
    file: 'main.go',
    needs: [GO],
    prepare: fetchModules,
    command: ['go', 'run', '.'],
  },
  {
    name: 'GitHub Actions, the shell step',
    version: () => versionOf('curl'),
    settings: 'none',
    code: actionsScript(),
    file: 'main.sh',
    needs: [['bash', 'bash', '--version'], ...CURL_AND_JQ],
    command: ['bash', '-c', 'MINTMARK_CLIENT_SECRET=$(cat secret) bash -e main.sh'],
  },
  {
    name: 'oauth2 (Rust)',
    version: crateVersion,
    settings: 'none',
    code: filesOf('rust.md').get('Cargo.toml') as string,
    file: 'Cargo.toml',
    needs: [['Rust', 'cargo', '--version'], setUp('rust')],
    prepare: buildRust,
    command: [join(PEERS, 'rust/target/release/quickstart')],
  },
  {
    name: 'Guzzle (PHP)',
    version: () => debianVersion('php-guzzlehttp-guzzle'),
    settings: 'none',
    code: filesOf('php.md').get('main.php') as string,
    file: 'main.php',
    needs: [
      ['PHP', 'php', '--version'],
      ["Debian's php-guzzlehttp-guzzle", 'test', '-e', GUZZLE],
    ],
    prepare: useGuzzle,
    command: ['php', 'main.php'],
  },
]
