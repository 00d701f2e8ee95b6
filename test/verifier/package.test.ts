import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { mintmark, onDatabase, startServer } from '../support/process.ts'
import { Issuer } from './issuer.ts'

const ROOT = resolve(import.meta.dirname, '../..')

const PROGRAM = `
import { createVerifier, TokenError } from 'mintmark/verifier'
const verifier = createVerifier({ issuer: process.argv[2], audience: 'https://api.example' })
const { clientId } = await verifier.verify(process.argv[3])
console.log(process.versions.node.split('.')[0], clientId, TokenError.name)
`

const TYPES = `
import { type AccessToken, createVerifier } from 'mintmark/verifier'
const verifier = createVerifier({ issuer: 'https://auth.example/realms/acme', audience: 'x' })
const token: AccessToken = await verifier.verify('x')
const scope: readonly string[] = token.scope
// @ts-expect-error: no such option
createVerifier({ issuer: 'x', audiense: 'y' })
export { scope }
`

/** Runs a program without the test runner's own hooks, which every child process would get. */
function run(cwd: string, ...command: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)('env', ['-u', 'NODE_OPTIONS', ...command], { cwd })
}

/** A project with the package that is published, and with those libraries. */
async function install(t: Test, libraries: readonly string[]): Promise<string> {
  const folder = t.testdir({ project: { node_modules: { '@types': {} } } })
  await run(ROOT, 'npm', 'pack', '--silent', '--pack-destination', folder)
  await run(folder, 'sh', '-c', 'tar xzf mintmark-*.tgz')
  const project = join(folder, 'project')
  renameSync(join(folder, 'package'), join(project, 'node_modules/mintmark'))
  for (const library of libraries) {
    const path = join(project, 'node_modules', library)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', library), path)
  }
  return project
}

t.test('the package that is published serves a resource server that has nothing but jose', async (t) => {
  const project = await install(t, ['jose'])
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

  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2022,dom',
  ]
  await run(project, process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, 'types.ts')
})

t.test('the package that is published has the command and the server', async (t) => {
  const { bin, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const project = await install(t, Object.keys(dependencies))
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
