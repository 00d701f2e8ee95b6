import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const read = (file: string) => readFileSync(join(import.meta.dirname, '../..', file), 'utf8')

t.test(
  'npm refuses installation scripts that allowScripts does not name, and it names no others',
  async (t) => {
    t.match(read('.npmrc'), /^strict-allow-scripts=true$/m)
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: boolean }>
    }
    const withScripts = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ''))
    const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: object }
    t.same(Object.keys(allowScripts).sort(), [...new Set(withScripts)].sort())
  },
)

t.test('the lock file has the integrity of every package that is downloaded', async (t) => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { integrity?: string; link?: boolean }>
  }
  const unlocked = Object.entries(packages)
    .filter(([path, { integrity, link }]) => path.includes('node_modules/') && !link && !integrity)
    .map(([path]) => path)
  t.same(unlocked, [])
  for (const platform of ['linux-x64', 'linux-arm64', 'win-x64'])
    t.ok(packages[`node_modules/node-${platform}`]?.integrity, `Node for ${platform}`)
})
