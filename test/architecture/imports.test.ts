import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import t from 'tap'

const SRC = resolve(import.meta.dirname, '../../src')

/** What each layer may import beside itself. */
const ALLOWED: Record<string, readonly string[]> = {
  domain: [],
  config: ['domain'],
  // The re-export for one version; the package itself is packages/verifier.
  verifier: [],
  crypto: ['domain'],
  wire: ['domain'],
  storage: ['domain'],
  embedded: ['domain', 'storage'],
  operations: ['domain', 'crypto', 'storage', 'embedded'],
  http: ['domain', 'wire', 'operations'],
  cli: ['domain', 'wire', 'operations', 'storage', 'embedded', 'crypto', 'config'],
  server: ['domain', 'crypto', 'storage', 'embedded', 'operations', 'http', 'config'],
  main: ['cli', 'config', 'server'],
}

/** Pure functions that a layer may import from one that it may not import otherwise. */
const ALLOWED_FILES: Record<string, readonly string[]> = {
  http: ['crypto/fingerprint.ts', 'storage/database-error.ts'],
  // A realm file is in the names of the wire.
  operations: [
    'wire/quota.ts',
    'wire/json-schema.ts',
    'wire/realm.ts',
    'wire/service-account.ts',
    'wire/trusted-issuer.ts',
    'wire/workload-identity.ts',
  ],
}

/** What each room of operations may import beside itself; the files above the rooms put them together. */
const ROOMS: Record<string, readonly string[]> = {
  clients: ['realms'],
  realms: [],
  accounts: ['clients', 'realms'],
  resources: ['accounts', 'realms'],
  tokens: ['accounts', 'clients', 'realms'],
  portal: ['realms'],
  federation: ['accounts', 'clients', 'realms'],
  'realm-files': ['accounts', 'federation', 'realms', 'resources', 'webhooks'],
  upkeep: ['accounts', 'clients', 'realms', 'tokens'],
  webhooks: ['federation', 'realms'],
}

/** Libraries that one place alone works with. */
const OWNED: Record<string, readonly string[]> = {
  kysely: ['storage'],
  'kysely/migration': ['storage'],
  pg: ['storage', 'embedded'],
  fastify: ['http', 'server'],
  'prom-client': ['server'],
  commander: ['cli'],
  jose: ['crypto'],
  'node:crypto': ['crypto'],
  '@node-rs/argon2': ['crypto'],
  typebox: ['wire'],
}

const IMPORT = /\bfrom\s+['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]/gm

function layerOf(path: string): string {
  return (relative(SRC, path).split(sep)[0] as string).replace(/\.ts$/, '')
}

function roomOf(path: string): string | undefined {
  const [layer, room, file] = relative(SRC, path).split(sep)
  return layer === 'operations' && file !== undefined ? room : undefined
}

/** Files that a file imports, types too. */
function importsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(IMPORT)]
    .map(([, ...matches]) => matches.find((match) => match !== undefined) as string)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => resolve(dirname(path), specifier))
}

const sourcesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

const files = sourcesIn(SRC)

/** A text of a program that others run: what it imports and reads is not imported and read here. */
const isText = (file: string) => file === join('http', 'portal', 'snippets', 'node.ts')

t.ok(files.length > 50, 'the sources are where this test looks')

for (const file of files) {
  t.test(`${file} imports only what its layer may`, async (t) => {
    const path = join(SRC, file)
    const layer = layerOf(path)
    t.ok(layer in ALLOWED, `${layer} is a known layer`)
    for (const [, ...matches] of readFileSync(path, 'utf8').matchAll(IMPORT)) {
      const specifier = matches.find((match) => match !== undefined) as string
      if (specifier.startsWith('.')) {
        const target = layerOf(resolve(dirname(path), specifier))
        const imported = relative(SRC, resolve(dirname(path), specifier)).replaceAll(sep, '/')
        const allowed = ALLOWED[layer]?.includes(target) || ALLOWED_FILES[layer]?.includes(imported)
        t.ok(target === layer || allowed, `${layer} may import ${imported}`)
        const [room, other] = [roomOf(path), roomOf(resolve(dirname(path), specifier))]
        if (room !== undefined && other !== undefined)
          t.ok(room === other || ROOMS[room]?.includes(other), `${room} may import ${other}`)
      } else if (specifier in OWNED && !isText(file)) {
        t.ok(OWNED[specifier]?.includes(layer), `${layer} may import ${specifier}`)
      }
    }
  })
}

t.test('no files import each other in a circle', async (t) => {
  const packages = ['verifier', 'client'].map((name) => resolve(SRC, '../packages', name, 'src'))
  const paths = [SRC, ...packages].flatMap((folder) => sourcesIn(folder).map((file) => join(folder, file)))
  const imports = new Map(paths.map((path) => [path, importsOf(path)]))
  const done = new Set<string>()
  const circles: string[] = []
  const walk = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      circles.push([...trail.slice(trail.indexOf(file)), file].map((one) => relative(SRC, one)).join(' → '))
      return
    }
    if (done.has(file)) return
    for (const imported of imports.get(file) ?? []) walk(imported, [...trail, file])
    done.add(file)
  }
  for (const file of imports.keys()) walk(file, [])
  t.same(circles, [])
})

t.test('the verifier imports nothing but jose, Fastify’s types and itself', async (t) => {
  const folder = resolve(SRC, '../packages/verifier/src')
  const own = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  for (const file of own) {
    const specifiers = [...readFileSync(join(folder, file), 'utf8').matchAll(IMPORT)].map(
      ([, ...matches]) => matches.find((match) => match !== undefined) as string,
    )
    for (const specifier of specifiers)
      t.match(specifier, /^(\.{1,2}\/|jose$|node:)/, `${file} may import ${specifier}`)
  }
})

t.test('the wall clock is read in one place alone', async (t) => {
  for (const file of files.filter((one) => !/^domain\/clock\.ts/.test(one) && !isText(one)))
    t.notMatch(readFileSync(join(SRC, file), 'utf8'), /\bDate\.now\(|\bnew Date\(\)/, file)
})

t.test('the environment is read in one place alone', async (t) => {
  for (const file of files.filter((one) => !/^(main|config)\.ts$/.test(one) && !isText(one)))
    t.notMatch(readFileSync(join(SRC, file), 'utf8'), /\bprocess\.env\b(?!\['PATH'\])/, file)
})

t.test('addresses of clients come from clientAddress, which knows the proxies', async (t) => {
  const direct = files.filter((file) => /\brequest\.ips?\b/.test(readFileSync(join(SRC, file), 'utf8')))
  t.same(direct, [])
})
