import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { defineConfig } from 'vitepress'

const ROOT = join(import.meta.dirname, '../..')
const VUE = join(import.meta.dirname, '../node_modules/vue')
/** Where the repository can be read, for links to what is no page. Without it such a link is its text alone. */
const SOURCE_URL = process.env.SOURCE_URL?.replace(/\/$/, '')
const PAGES = [
  'docs/',
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'THREATS.md',
  'migrations/README.md',
]

const links = [
  ['Call an API', ['quick-start/README', 'get-a-token', 'works-with']],
  ['Protect an API', ['validate-tokens', 'guard', 'status-list-for-implementers']],
  ['Administer', ['administer', 'roles-and-grants', 'claims', 'realm-as-a-file', 'portal']],
  [
    'Without secrets',
    [
      'workload-identity',
      'federation/github',
      'federation/gitlab',
      'federation/kubernetes',
      'federation/aws',
      'federation/gcp',
      'federation/azure',
      'federation/spiffe',
    ],
  ],
  [
    'Run',
    [
      'configuration',
      'docker',
      'kubernetes',
      'high-availability',
      'metrics',
      'upgrading',
      'backup-and-restore',
      'keys',
    ],
  ],
  ['Incident', ['leaked-secrets', 'troubleshooting', 'faults']],
  ['Reference', ['architecture', 'glossary']],
]

/** Links to files that are no pages: they must be there, and lead to the repository where it is known. */
function linkSources(md) {
  const render =
    md.renderer.rules.link_open ??
    ((tokens, at, options, _env, self) => self.renderToken(tokens, at, options))
  md.renderer.rules.link_open = (tokens, at, options, env, self) => {
    const token = tokens[at]
    const href = token.attrGet('href') ?? ''
    if (/^(\w+:|#|\/)/.test(href)) return render(tokens, at, options, env, self)
    const [path] = href.split('#')
    const file = relative(ROOT, join(dirname(env.realPath ?? env.path), decodeURI(path)))
    if (!existsSync(join(ROOT, file))) throw new Error(`there is no ${href}`)
    if (file.endsWith('.md') && PAGES.some((page) => file.startsWith(page)))
      return render(tokens, at, options, env, self)
    if (SOURCE_URL === undefined) token.attrs = []
    else token.attrSet('href', `${SOURCE_URL}/${file}`)
    return self.renderToken(tokens, at, options)
  }
}

export default defineConfig({
  title: 'Mintmark',
  description: 'The token server for machines',
  srcDir: '..',
  srcExclude: ['**/node_modules/**', 'bench/**', 'examples/**', 'packages/**', 'test/**', 'site/**'],
  outDir: 'dist',
  cleanUrls: false,
  rewrites: (page) => page.replace(/README\.md$/, 'index.md'),
  // Pages stand above this folder, whose packages they need once they are compiled.
  vite: {
    resolve: {
      alias: [
        { find: /^vue\/server-renderer$/, replacement: join(VUE, 'server-renderer/index.mjs') },
        { find: /^vue$/, replacement: join(VUE, 'dist/vue.runtime.esm-bundler.js') },
      ],
    },
  },
  markdown: { config: linkSources },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: links.map(([text, pages]) => ({
      text,
      items: pages.map((page) => ({
        text: page.replace('/README', '').replace('federation/', '').replaceAll('-', ' '),
        link: `/docs/${page.replace('README', '')}`,
      })),
    })),
  },
})
