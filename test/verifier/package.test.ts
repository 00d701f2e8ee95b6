import { execFile } from 'node:child_process'
import { existsSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
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

t.test('the package that is published serves a resource server that has nothing but jose', async (t) => {
  const folder = t.testdir({ project: { node_modules: { '@types': {} } } })
  await run(ROOT, 'npm', 'pack', '--silent', '--pack-destination', folder)
  await run(folder, 'sh', '-c', 'tar xzf mintmark-*.tgz')
  const project = join(folder, 'project')
  renameSync(join(folder, 'package'), join(project, 'node_modules/mintmark'))
  symlinkSync(join(ROOT, 'node_modules/jose'), join(project, 'node_modules/jose'))
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
