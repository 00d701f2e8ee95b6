import t from 'tap'
import { adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('realms and accounts come in pages, each once and in order of name', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  for (const name of ['acme', 'bravo', 'charlie']) await server.operations.realms.create(TESTER, name)
  for (const name of ['Żuraw', 'alpha', 'Beta'])
    await server.operations.accounts.create(TESTER, 'acme', { name })

  async function names(path: string): Promise<string[]> {
    const all: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await ask('GET', `${path}?limit=1${cursor && `&cursor=${cursor}`}`)
      all.push(...body.items.map(({ name }: { name: string }) => name))
      cursor = body.next_cursor
    }
    return all
  }
  t.same(await names('/admin/realms'), ['acme', 'bravo', 'charlie', 'system'])
  t.same(await names('/admin/realms/acme/service-accounts'), ['alpha', 'Beta', 'Żuraw'])
})

t.test('realms are found by part of the name or display name, in pages, and others’ are not', async (t) => {
  const server = await testServer(t)
  const root = await platformAdministrator(server)
  for (const [name, displayName] of [
    ['acme', 'Anvils and more'],
    ['bravo', 'ANVIL 100%'],
    ['anvil-2', ''],
    ['other', 'x'],
  ] as const)
    await server.operations.realms.create(TESTER, name, { displayName })
  async function found(search: string, ask = root, limit = 1): Promise<string[]> {
    const all: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = new URLSearchParams({ search, limit: String(limit), ...(cursor !== '' && { cursor }) })
      const { body } = await ask('GET', `/admin/realms?${query}`)
      all.push(...body.items.map(({ name }: { name: string }) => name))
      cursor = body.next_cursor
    }
    return all
  }
  t.same(await found('anvil'), ['acme', 'anvil-2', 'bravo'])
  t.same(await found('AnViL', root, 100), ['acme', 'anvil-2', 'bravo'])
  t.same(await found('0%'), ['bravo'])
  t.same(await found('%'), ['bravo'], 'a pattern is a text')
  t.same(await found('nothing'), [])
  const own = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.same(await found('ANVILS', own), ['acme'])
  t.same(await found('acm', own), ['acme'])
  t.same(await found('bravo', own), [])
  for (const query of ['search=', 'search=a&search=b', 'name=a', 'q=a', `search=${'a'.repeat(201)}`])
    t.equal((await root('GET', `/admin/realms?${query}`)).status, 400, query)
})

t.test('accounts are found by the time since their last use', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  await server.operations.accounts.create(TESTER, 'acme', { name: 'unused' })
  server.clock.advance(3600)
  const ask = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  await server.operations.uses.write()
  const unusedSince = async (seconds: number) => {
    const time = new Date(server.clock.now.getTime() - seconds * 1000).toISOString()
    const { body } = await ask('GET', `/admin/realms/acme/service-accounts?unused_since=${time}`)
    return body.items.map(({ name }: { name: string }) => name)
  }
  t.same(await unusedSince(600), ['unused'])
  t.same(await unusedSince(7200), [])
})

t.test('a cursor that no page gave is refused', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await server.operations.realms.create(TESTER, 'acme')
  for (const path of [
    '/admin/realms',
    '/admin/realms/acme/service-accounts',
    '/admin/realms/acme/audit-events',
  ])
    for (const cursor of ['x', 'YQ=', 'YQ==', 'YR', 'Y%20Q', 'YQ.', 'gA', 'AA'])
      t.equal((await ask('GET', `${path}?cursor=${cursor}`)).status, 400, `${path} ${cursor}`)
})
