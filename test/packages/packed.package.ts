import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { mintmark, onDatabase, startServer } from '../support/process.ts'
import { Issuer } from '../verifier/issuer.ts'

const ROOT = resolve(import.meta.dirname, '../..')

const PROGRAM = `
import { createVerifier, TokenError } from '@mintmark/verifier'
const verifier = createVerifier({ issuer: process.argv[2], audience: 'https://api.example' })
const { clientId } = await verifier.verify(process.argv[3])
console.log(process.versions.node.split('.')[0], clientId, TokenError.name)
`

const TYPES = `
import { type AccessToken, createVerifier } from '@mintmark/verifier'
const verifier = createVerifier({ issuer: 'https://auth.example/realms/acme', audience: 'x' })
const token: AccessToken = await verifier.verify('x')
const scope: readonly string[] = token.scope
// @ts-expect-error: no such option
createVerifier({ issuer: 'x', audiense: 'y' })
export { scope }
`

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const TSC_OPTIONS = [
  ...['--ignoreConfig', '--noEmit', '--strict'],
  ...['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom'],
]

/** Runs a program without the test runner's own hooks, which every child process would get. */
function run(cwd: string, ...command: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)('env', ['-u', 'NODE_OPTIONS', ...command], { cwd })
}

const archives = t.testdir({})
const packed = new Map<string, Promise<string>>()

/** Packs the workspace at `folder` of the project once, and answers with the path of the archive. */
function pack(folder: string): Promise<string> {
  const archive = packed.get(folder) ?? packAnew(folder)
  packed.set(folder, archive)
  return archive
}

async function packAnew(folder: string): Promise<string> {
  const command = ['npm', 'pack', '--silent', '--pack-destination', archives]
  const { stdout } = await run(join(ROOT, folder), ...command)
  return join(archives, stdout.trim().split('\n').at(-1) as string)
}

/** Unpacks a packed package as `name` in the node_modules of `project`. */
async function unpack(archive: string, project: string, name: string): Promise<void> {
  const folder = join(project, 'node_modules', name)
  mkdirSync(folder, { recursive: true })
  await run(project, 'tar', 'xzf', archive, '-C', folder, '--strip-components=1')
}

function link(project: string, library: string): void {
  const path = join(project, 'node_modules', library)
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules', library), path)
}

for (const [name, libraries] of [
  ['verifier', ['node_modules/jose']],
  ['client', []],
] as const) {
  t.test(`@mintmark/${name} brings ${libraries.length === 0 ? 'no library' : 'jose alone'}`, async (t) => {
    const folder = t.testdir({ project: { 'package.json': '{"type":"module"}' } })
    const project = join(folder, 'project')
    const archive = await pack(`packages/${name}`)
    await run(project, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', archive)
    const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'))
    const installed = Object.keys(packages).filter((path) => path !== '')
    t.same(installed.sort(), [`node_modules/@mintmark/${name}`, ...libraries])
    const main = `console.log(Object.keys(await import('@mintmark/${name}')).length)`
    t.match((await run(project, process.execPath, '--input-type=module', '-e', main)).stdout, /^[1-9]/)
  })
}

t.test('the verifier runs and has its types where only jose is installed', async (t) => {
  const folder = t.testdir({ project: { node_modules: { '@types': {} } } })
  const project = join(folder, 'project')
  await unpack(await pack('packages/verifier'), project, '@mintmark/verifier')
  link(project, 'jose')
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
  writeFileSync(join(project, 'main.js'), PROGRAM)
  writeFileSync(join(project, 'types.ts'), TYPES)

  const issuer = await Issuer.start(t)
  issuer.time = Date.now()
  const token = await issuer.token()
  // An older Node too, where the machine has one beside the project's own.
  const nodes = [process.execPath, '/usr/bin/node', '/usr/local/bin/node'].filter((path) => existsSync(path))
  for (const node of nodes) {
    const { stdout } = await run(project, node, 'main.js', issuer.url, token)
    t.match(stdout, /^(2\d|[3-9]\d) sa-1 TokenError\n$/)
  }
  await run(project, process.execPath, TSC, ...TSC_OPTIONS, 'types.ts')
})

t.test('the package that is published has the command and the server', async (t) => {
  const { bin, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const folder = t.testdir({ project: {} })
  const project = join(folder, 'project')
  await unpack(await pack('.'), project, 'mintmark')
  await unpack(await pack('packages/verifier'), project, '@mintmark/verifier')
  for (const library of Object.keys(dependencies))
    if (library !== '@mintmark/verifier') link(project, library)
  writeFileSync(
    join(project, 'old.mjs'),
    "import { createVerifier } from 'mintmark/verifier'\ncreateVerifier",
  )
  await run(project, process.execPath, 'old.mjs')

  const program = join(project, 'node_modules/mintmark', bin.mintmark)
  // Nothing of the test runner's, which could load what Node would not.
  const env = { ...onDatabase(await testDatabase(t, { migrate: false })), NODE_OPTIONS: '' }
  t.match((await mintmark(['migrate'], env, { program })).stdout, /^Applied: 0001_/)
  const listed = await mintmark(['realm', 'list', '--json'], env, { program })
  t.same(listed, { code: 0, stdout: '[]\n', stderr: '' })
  for (const WORKERS of ['1', '2']) {
    const { url } = await startServer(t, { ...env, WORKERS }, undefined, program)
    t.equal((await fetch(`${url}/health/ready`)).status, 200)
    const page = await (await fetch(`${url}/portal`)).text()
    const [, style] = /href="(\/portal\/_assets\/[^"]+\.css)"/.exec(page) ?? []
    t.equal((await fetch(`${url}${style}`)).status, 200)
  }
})
