import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { fingerprint } from '../../crypto/fingerprint.ts'
import { pathOf } from './below-path.ts'

/** URLs of the assets that pages use. */
export interface Assets {
  readonly style: string
  readonly script: string
  readonly mark: string
}

interface Asset {
  readonly type: string
  readonly bytes: Buffer
}

const require = createRequire(import.meta.url)
const OWN = join(import.meta.dirname, 'assets')

const SCRIPTS = ['portal', 'key-pair']

/** Later files override earlier ones. */
const STYLES = [
  'base',
  'frame',
  'buttons',
  'cards',
  'tables',
  'marks',
  'forms',
  'key-pair',
  'gate',
  'account-list',
  'programs',
  'activity',
  'narrow',
  'realm-switcher',
]

/**
 * Serves styles, script and fonts from memory. Each name contains a hash of the content, so that it can be cached forever
 * and versions never mix.
 */
export function serveAssets(app: FastifyInstance, publicUrl: string): Assets {
  const assets = new Map<string, Asset>()
  const add = (name: string, type: string, bytes: Buffer): string => {
    const hashed = `${fingerprint(bytes).slice(0, 12)}-${name}`
    assets.set(hashed, { type, bytes })
    return `${pathOf(publicUrl)}/portal/_assets/${hashed}`
  }
  const added: Assets = {
    style: add('portal.css', 'text/css; charset=utf-8', Buffer.from(stylesheet(add))),
    script: add('portal.js', 'text/javascript; charset=utf-8', Buffer.from(script())),
    mark: add('mark.svg', 'image/svg+xml', readFileSync(join(OWN, 'mark.svg'))),
  }

  app.get<{ Params: { name: string } }>('/portal/_assets/:name', async (request, reply) => {
    const asset = assets.get(request.params.name)
    if (!asset) return reply.callNotFound()
    reply.header('cache-control', 'public, max-age=31536000, immutable').header('content-type', asset.type)
    return reply.send(asset.bytes)
  })
  return added
}

function script(): string {
  return SCRIPTS.map((name) => readFileSync(join(OWN, `${name}.js`), 'utf8')).join('\n')
}

function stylesheet(add: (name: string, type: string, bytes: Buffer) => string): string {
  const base = ['open-props.min.css', 'normalize.min.css'].map((file) =>
    readFileSync(join(packageFolder('open-props'), file), 'utf8'),
  )
  const inter = packageFolder('@fontsource-variable/inter')
  const fonts = readFileSync(join(inter, 'index.css'), 'utf8').replaceAll(
    /url\(\.\/files\/([\w-]+\.woff2)\)/g,
    (_, file: string) => `url(${add(file, 'font/woff2', readFileSync(join(inter, 'files', file)))})`,
  )
  const own = STYLES.map((name) => readFileSync(join(OWN, 'styles', `${name}.css`), 'utf8'))
  return [...base, fonts, ...own].join('\n')
}

function packageFolder(name: string): string {
  return dirname(require.resolve(`${name}/package.json`))
}
