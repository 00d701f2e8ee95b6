import t, { type Test } from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const TRAIL = '/admin/realms/acme/audit-events'

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  return { server, ask: asking(server, token), clientId }
}

t.test('a change over the API says who made it, from where', async (t) => {
  const { ask, clientId } = await acme(t)
  const { body } = await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI' })
  const { items } = (await ask('GET', `${TRAIL}?target=${body.client_id}`)).body
  t.match(items, [
    {
      realm: 'acme',
      actor: { kind: 'api', id: `acme/${clientId}`, address: '127.0.0.1' },
      action: 'service-account.create',
      outcome: 'done',
      details: { name: 'CI' },
    },
  ])
})

t.test('the trail comes in pages and as one export, by action and time', async (t) => {
  const { server, ask } = await acme(t)
  for (const name of ['a', 'b', 'c']) await ask('POST', '/admin/realms/acme/service-accounts', { name })
  const actions: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await ask('GET', `${TRAIL}?limit=2${cursor && `&cursor=${cursor}`}`)
    actions.push(...body.items.map(({ details }: { details: { name: string } }) => details.name))
    cursor = body.next_cursor
  }
  t.same(actions.slice(0, 3), ['c', 'b', 'a'])
  for (const [query, accept] of [
    ['format=ndjson&action=service-account.create', 'application/json'],
    ['action=service-account.create', 'application/x-ndjson'],
  ] as const) {
    const all = await ask('GET', `${TRAIL}?${query}`, undefined, { accept })
    t.equal(all.headers['content-type'], 'application/x-ndjson')
    const successor = `<${PUBLIC_URL}${TRAIL}/export>; rel="successor-version"`
    t.equal(all.headers['link'], successor, 'the old address names the new one')
    t.equal(
      all.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).action).length,
      4,
    )
  }
  const later = new Date(server.clock.now.getTime() + 1000).toISOString()
  t.same((await ask('GET', `${TRAIL}?from=${later}`)).body.items, [])
  t.equal((await ask('GET', `${TRAIL}?to=${later}&action=realm.create`)).body.items.length, 1)
})

t.test('the trail is filtered by outcome, in pages and in the export', async (t) => {
  const { ask } = await acme(t)
  await ask('POST', '/admin/realms/acme/service-accounts', { name: 'a' })
  await ask('POST', '/admin/realms/acme/service-accounts', { name: 'A' })
  const outcomes = (text: string) => [...text.matchAll(/"outcome":"(\w+)"/g)].map(([, outcome]) => outcome)
  t.same(outcomes((await ask('GET', `${TRAIL}?outcome=refused`)).text), ['refused'])
  t.same(outcomes((await ask('GET', `${TRAIL}/export?outcome=refused`)).text), ['refused'])
  const done = outcomes((await ask('GET', `${TRAIL}?outcome=done`)).text)
  t.ok(done.length > 1)
  t.same([...new Set(done)], ['done'])
  const wrong = await ask('GET', `${TRAIL}?outcome=failed`)
  t.match(wrong, { status: 400, body: { field: 'outcome' } })
})

t.test('a refused read leaves an audit event, an empty one does not', async (t) => {
  const { server, ask } = await acme(t)
  await server.operations.realms.create(TESTER, 'other')
  const viewer = await adminToken(server, 'acme', ['view'])
  const neighbour = await adminToken(server, 'other', ['account-admin'])
  await ask('GET', '/admin/realms/acme/service-accounts/nobody')
  await asking(server, viewer.token)('GET', '/admin/realms/acme/keys')
  await asking(server, neighbour.token)('GET', `${TRAIL}?format=ndjson`)
  const { items } = (await ask('GET', TRAIL)).body
  t.match(items[0], {
    action: 'key.list',
    actor: { id: `acme/${viewer.clientId}` },
    details: { code: 'forbidden' },
  })
  t.equal(items[1].outcome, 'done')
  const own = await server.operations.audit.list(TESTER, 'other', {
    action: 'audit-event.export',
    limit: 1,
  })
  t.match(own.items, [
    { actor: { id: `other/${neighbour.clientId}` }, outcome: 'refused', details: { elsewhere: true } },
  ])
})

t.test('repeated refusals do not fill the audit trail', async (t) => {
  const { server, ask } = await acme(t)
  const viewer = asking(server, (await adminToken(server, 'acme', ['view'])).token)
  for (let n = 0; n < 70; n++) await viewer('DELETE', '/admin/realms/acme/service-accounts/nobody')
  const refused = async () => (await ask('GET', `${TRAIL}?action=service-account.delete`)).body.items.length
  t.equal(await refused(), 60)
  server.clock.advance(60)
  await viewer('DELETE', '/admin/realms/acme/service-accounts/nobody')
  t.equal(await refused(), 61)
})

t.test('a platform administrator reads the trail of a deleted realm, by name and by id', async (t) => {
  const { server, ask } = await acme(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const platform = asking(server, (await adminToken(server, 'system', ['platform-admin'])).token)
  await platform('DELETE', '/admin/realms/acme?confirm=acme')
  const byName = (await platform('GET', TRAIL)).body
  t.match(byName.items[0], { realm: 'acme', realm_id: /^\d+$/, action: 'service-account.create' })
  const { realm_id: id } = byName.items[0]
  t.same((await platform('GET', `/admin/audit-events?realm_id=${id}`)).body, byName)
  t.match((await platform('GET', '/admin/audit-events?action=realm.delete')).body.items, [
    { realm: 'acme', realm_id: null, details: { id, service_accounts: 1 } },
  ])
  t.equal((await platform('GET', '/admin/audit-events?realm_id=999')).status, 404)
  t.equal((await platform('GET', '/admin/audit-events?realm_id=acme')).status, 400)
  t.equal((await ask('GET', `/admin/audit-events?realm_id=${id}`)).status, 401, 'its administrator is gone')
})
