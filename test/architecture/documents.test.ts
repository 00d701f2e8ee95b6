import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '../..')

const FOLDERS = [
  '.',
  'bench',
  'docs',
  'docs/federation',
  'docs/quick-start',
  'migrations',
  'packages/verifier',
  'packages/client',
]
const EXAMPLES = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `examples/${name}`)

const documents = [...FOLDERS, ...EXAMPLES].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md') && file !== 'RESULTS.md')
    .map((file) => join(folder, file)),
)
t.ok(documents.length > 20, 'the documents are where this test looks')

for (const document of documents)
  t.test(`every file that ${document} names is there`, async (t) => {
    const text = readFileSync(join(ROOT, document), 'utf8')
    // Paths of the project from its root in ticks, and links from where the document stands.
    const inTicks = [...text.matchAll(/`((?:test|docs|src|bench|examples|migrations)\/[\w./-]+\.\w+)`/g)].map(
      ([, file]) => file as string,
    )
    const linked = [...text.matchAll(/\]\(((?!\w+:|#)[\w./-]+)(?:#[\w-]*)?\)/g)].map(([, file]) =>
      join(dirname(document), file as string),
    )
    t.same(
      [...inTicks, ...linked].filter((file) => !existsSync(join(ROOT, file))),
      [],
    )
  })

t.test('docker-compose.yml hands on every variable that the tables name', async (t) => {
  const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')
  // The image says where it listens, and has no PostgreSQL of its own.
  const own = ['HOST', 'PORT', 'DATA_DIR', 'DATABASE_URL_FILE']
  for (const document of ['docs/configuration.md', 'docs/portal.md']) {
    const rows = readFileSync(join(ROOT, document), 'utf8').matchAll(/^\| (`[A-Z][^|]+)\|/gm)
    const names = [...rows].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name as string),
    )
    t.not(names.length, 0, document)
    const missing = names.filter((name) => !own.includes(name) && !compose.includes(`      ${name}: `))
    t.same(missing, [], document)
  }
})

t.test(
  'docs/architecture.md lists the rooms of operations and names the files of src that are there',
  async (t) => {
    const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')
    const [, rooms = ''] = /^ {2}operations\/.*\n((?: {4}.*\n)+)/m.exec(text) ?? []
    const there = readdirSync(join(ROOT, 'src/operations'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
    t.same([...rooms.matchAll(/^ {4}([\w-]+)\//gm)].map(([, room]) => room).toSorted(), there.toSorted())
    const files = [
      ...text.matchAll(/`((?:cli|crypto|domain|http|operations|server|storage)\/[\w./-]+\.ts)`/g),
    ]
    t.ok(files.length > 20, 'the files are where this test looks')
    t.same(
      files.map(([, file]) => file as string).filter((file) => !existsSync(join(ROOT, 'src', file))),
      [],
    )
  },
)

t.test('what docs/architecture.md says to search for is in the sources', async (t) => {
  const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')
  const [, table = ''] = /^## How to find a behaviour\n([\s\S]*?)\n## /m.exec(text) ?? []
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
    .join('\n')
  const terms = [...table.matchAll(/`([^`]+)`/g)]
    .map(([, term]) => term as string)
    .filter((term) => !term.endsWith('.ts') && !term.includes('…'))
  t.ok(terms.length > 20, 'the terms are where this test looks')
  // Of operations.tokens.issue, the function.
  const word = (term: string) => (/^[\w.]+$/.test(term) ? (term.split('.').at(-1) as string) : term)
  t.same(
    terms.filter((term) => !sources.includes(word(term))),
    [],
  )
})
