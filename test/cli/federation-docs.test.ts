import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { pathText } from '../../src/domain/claim-rule.ts'
import { manifestOf } from '../../src/domain/federation-manifests.ts'
import {
  FEDERATION_PRESETS,
  type FederationPreset,
  type PresetName,
} from '../../src/domain/federation-presets.ts'
import { adminToken, asking } from '../support/admin.ts'
import { mintmark } from '../support/command.ts'
import { temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const FOLDER = join(import.meta.dirname, '../../docs/federation')
const pages = readdirSync(FOLDER)
const read = (page: string) => readFileSync(join(FOLDER, page), 'utf8')

t.ok(pages.length >= 7, 'the pages are where this test looks')

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^ *\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\``, 'gm'))].map(
    ([, block]) => block as string,
  )
}

/** Commands of mintmark in a block of a shell, as arguments. */
function commands(block: string): string[][] {
  return block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.startsWith('mintmark '))
    .map((line) =>
      [...line.replace(/ [<>] \S+$/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
        .map(([, single, double, bare]) => single ?? double ?? (bare as string))
        .slice(1),
    )
}

const flat = (text: string) => text.replace(/^ +/gm, '')

/** Requests to the admin API in a block of a shell: the path, and the body. */
function adminRequests(block: string): { path: string; body: string }[] {
  return [
    ...block.matchAll(/curl https:\/\/auth\.example(\/admin\/\S+)[^']*(?:'[^{'][^']*'[^']*)*-d '([^']+)'/g),
  ].map(([, path = '', body = '']) => ({ path, body }))
}

for (const page of pages) {
  t.test(`${page} tells the claims of its platform as the preset does`, async (t) => {
    const preset: FederationPreset = FEDERATION_PRESETS[page.replace('.md', '') as PresetName]
    const text = read(page)
    for (const { claim, meaning } of preset.claims)
      t.match(
        text.split('\n').find((line) => line.startsWith(`| \`${pathText(claim)}\` `)),
        meaning,
      )
    const audience = page === 'azure.md' ? 'api://mintmark-acme' : undefined
    const manifest = manifestOf(
      page.replace('.md', '') as PresetName,
      'https://auth.example/realms/acme',
      audience,
    )
    // Indented as deep as it stands there.
    t.ok(flat(text).includes(flat(manifest.text)), 'what the portal gives to paste is on the page')
    for (const warning of preset.warnings) t.ok(text.includes(`- ${warning}\n`), warning)
  })

  t.test(`${page} has commands that are used rightly, and manifests that can be read`, async (t) => {
    // Commands stop before they do anything: there is no such folder for the database, nor for the token.
    const none = join(temporaryFolder(t), 'none')
    const found = blocks(read(page), 'sh').flatMap(commands)
    t.ok(found.length >= 3)
    for (const args of found) {
      const own = args.filter((one) => one !== '--platform-token')
      const more = args[0] === 'token' ? ['--watch', join(none, 'token')] : []
      const { code, stderr } = await mintmark([...own, ...more], { DATA_DIR: none })
      t.equal(code, 1, `${args.join(' ')}: ${stderr}`)
      t.match(stderr, /there is no database|cannot be written/)
    }
    for (const block of blocks(read(page), 'yaml'))
      for (const document of parseAllDocuments(block)) t.same(document.errors, [])
  })
}

t.test('the admin API takes the requests of each page, with what they leave open filled in', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  for (const page of pages) {
    const realm = page.replace('.md', '')
    await operations.realms.create(TESTER, realm, {})
    const { account } = await operations.accounts.create(TESTER, realm, { name: 'CI' })
    const ask = asking(server, (await adminToken(server, realm, ['account-admin'])).token)
    const requests = blocks(read(page), 'sh').flatMap(adminRequests)
    t.equal(requests.length, 2, page)
    let id = ''
    for (const { path, body } of requests) {
      const url = path.replace('/realms/acme/', `/realms/${realm}/`).replace('sa_…', account.clientId)
      const sent = body.replaceAll('…', 'x').replace('"ID"', JSON.stringify(id))
      const answer = await ask('POST', url, sent)
      t.equal(answer.status, 201, `${page} ${path}: ${answer.text}`)
      id = answer.body.id
    }
  }
})
