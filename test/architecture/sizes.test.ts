import { relative, resolve, sep } from 'node:path'
import t from 'tap'
import { type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/sync'

const ROOT = resolve(import.meta.dirname, '../..')
const PROJECTS = [
  'tsconfig.json',
  ...['verifier', 'client'].map((name) => `packages/${name}/tsconfig.build.json`),
]

const SOURCES = /^(src|packages\/\w+\/src)\//

const MAX_FILE_LINES = 200
/** Without the lines of functions within, which are measured themselves. */
const MAX_FUNCTION_LINES = 40
const MAX_PARAMETERS = 4

/** What still exceeds the limits, with its size. Entries may shrink and go; nothing may be added. */
const EXCEEDING: Readonly<Record<string, number>> = {}

const FUNCTIONS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
])

type Report = (what: string, size: number, limit: number) => void

/** Reports functions that are too long or take too much. Returns the lines of functions within the node. */
function measure(node: Node, name: string, source: SourceFile, report: Report): number {
  let within = 0
  node.forEachChild((child) => {
    within += measure(child, nameOf(child) ?? name, source, report)
  })
  if (!FUNCTIONS.has(node.kind)) return within
  const lines = source.text.slice(node.getStart(source), node.getEnd()).split('\n').length
  report(`${name}() lines`, lines - within, MAX_FUNCTION_LINES)
  const { parameters } = node as Node & { readonly parameters?: readonly unknown[] }
  report(`${name}() parameters`, parameters?.length ?? 0, MAX_PARAMETERS)
  return lines - 1
}

/** The name of what is declared, which a function in it has too. */
function nameOf(node: Node): string | undefined {
  const { name } = node as Node & { readonly name?: { readonly text?: string } }
  return name?.text
}

/** Returns how many files there are. */
function measureSources(report: Report): number {
  let files = 0
  const api = new API({ cwd: ROOT })
  try {
    for (const name of PROJECTS) {
      const openProject = resolve(ROOT, name)
      const project = api.updateSnapshot({ openProject }).getProject(openProject)
      for (const file of project?.rootFiles ?? []) {
        const path = relative(ROOT, file).replaceAll(sep, '/')
        if (!SOURCES.test(path)) continue
        const source = project?.program.getSourceFile(file) as SourceFile
        files++
        report(path, source.text.split('\n').length - 1, MAX_FILE_LINES)
        measure(source, '', source, (what, size, limit) => report(`${path} ${what}`, size, limit))
      }
    }
  } finally {
    api.close()
  }
  return files
}

// Parsing takes long on a busy machine.
t.setTimeout(300_000)

t.test(
  'files, functions and lists of parameters stay within their limits',
  { timeout: 300_000 },
  async (t) => {
    const found = new Map<string, number>()
    const files = measureSources((what, size, limit) => {
      if (size > limit) found.set(what, Math.max(size, found.get(what) ?? 0))
    })
    t.ok(files > 250, 'the sources are where this test looks')
    for (const [what, size] of found) {
      const known = EXCEEDING[what]
      if (known === undefined) t.fail(`${what}: ${size}. Split it along its meaning.`)
      else if (size > known) t.fail(`${what} grew from ${known} to ${size}. Split it along its meaning.`)
      else t.comment(`${what}: ${size}, known to exceed its limit`)
    }
    for (const what of Object.keys(EXCEEDING))
      if (!found.has(what)) t.comment(`${what} is within its limit now: take it off the list`)
  },
)
