import pg from 'pg'
import t from 'tap'
import { adminToken, asking, tokenFor } from '../support/admin.ts'
import { dribble } from '../support/raw.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

interface Way {
  readonly status: number
  end(server: TestServer, clientId: string, token: string): Promise<unknown>
}

/** Ways in which an administrator ends, and how what they began is answered. */
const WAYS: Record<string, Way> = {
  deleted: {
    status: 401,
    end: ({ operations }, clientId) => operations.accounts.delete(TESTER, 'acme', clientId),
  },
  disabled: {
    status: 401,
    end: ({ operations }, clientId) =>
      operations.accounts.update(TESTER, 'acme', clientId, { enabled: false }),
  },
  demoted: {
    status: 403,
    end: ({ operations }, clientId) =>
      operations.accounts.update(TESTER, 'acme', clientId, { roles: ['view'] }),
  },
  'parted from its tokens': {
    status: 401,
    end: ({ operations }, clientId) => operations.accounts.revokeTokens(TESTER, 'acme', clientId),
  },
  'overtaken by its token’s end': {
    status: 401,
    end: async ({ clock }) => clock.advance(400),
  },
  'parted from this one token': {
    status: 401,
    end: async ({ operations }, _clientId, token) => {
      const { loaded, account } = await operations.presentedTokens.verify(token)
      await operations.revocation.revoke({ loaded, account }, token, '192.0.2.1')
    },
  },
  'left without the key that signed': {
    status: 401,
    end: async ({ operations }) => {
      for (const { kid } of await operations.signingKeys.list(TESTER, 'acme'))
        await operations.signingKeys.revoke(TESTER, 'acme', kid)
    },
  },
}

for (const [name, { status, end }] of Object.entries(WAYS))
  t.test(`an administrator who is ${name} while the body comes changes nothing`, async (t) => {
    const server = await testServer(t)
    await server.operations.realms.create(TESTER, 'acme')
    const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
    const accounts = '/admin/realms/acme/service-accounts'
    const requests = await Promise.all([
      dribble(server.app, 'POST', accounts, {
        token,
        body: JSON.stringify({ name: 'made too late', roles: ['account-admin'] }),
      }),
      dribble(server.app, 'PATCH', `${accounts}/${clientId}`, { token, body: '{"enabled":true}' }),
      dribble(server.app, 'PUT', `${accounts}/${clientId}/roles`, {
        token,
        body: '{"items":["account-admin"]}',
      }),
      dribble(server.app, 'POST', '/admin/realms/acme/resources', {
        token,
        body: '{"type":"device","id":"d1"}\n',
        type: 'application/x-ndjson',
      }),
    ])
    // Answered after them, so that each of them has been let in by now.
    t.equal((await asking(server, token)('GET', '/admin/realms/acme')).status, 200)
    await end(server, clientId, token)
    for (const request of requests) {
      const answer = await request.finish()
      t.equal(answer.status, status, answer.text)
    }
    const { items } = await server.operations.accounts.list(TESTER, 'acme', { after: '', limit: 10 })
    t.notOk(items.some((account) => account.name === 'made too late'))
    t.notOk(items.some((account) => account.roles.includes('account-admin') && name === 'demoted'))
  })

t.test('the authority of a change is that of its transaction, not that of its request', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  const actor = await operations.administrators.authenticate(token, '192.0.2.1')
  const { account } = await operations.accounts.create(actor, 'acme', { name: 'CI' })
  const device = { type: 'device', id: 'd1' }
  await operations.resources.put(TESTER, 'acme', device)
  const grant = { role: 'view', ...device }
  const changes: Record<string, () => Promise<unknown>> = {
    create: () => operations.accounts.create(actor, 'acme', { name: 'late' }),
    update: () => operations.accounts.update(actor, 'acme', account.clientId, { description: 'late' }),
    remove: () => operations.accounts.delete(actor, 'acme', account.clientId),
    reset: () => operations.secrets.reset(actor, 'acme', account.clientId),
    rotate: () => operations.secrets.startRotation(actor, 'acme', account.clientId),
    addRole: () => operations.accounts.addRole(actor, 'acme', account.clientId, 'operate'),
    removeRole: () => operations.accounts.removeRole(actor, 'acme', account.clientId, 'view'),
    addGrant: () => operations.grants.add(actor, 'acme', account.clientId, grant),
    replaceGrants: () => operations.grants.replace(actor, 'acme', account.clientId, [grant]),
    revoke: () => operations.accounts.revokeTokens(actor, 'acme', account.clientId),
    put: () => operations.resources.put(actor, 'acme', { type: 'device', id: 'late' }),
    deleteResource: () => operations.resources.delete(actor, 'acme', device),
    import: () => operations.resources.import(actor, 'acme', [{ type: 'device', id: 'late' }]),
    realm: () => operations.realms.update(actor, 'acme', { displayName: 'late' }),
    key: () => operations.signingKeys.rotate(actor, 'acme'),
    link: () => operations.portal.createLink(actor, 'acme'),
    sessions: () => operations.portal.endSessions(actor, 'acme', undefined),
  }
  await operations.accounts.update(TESTER, 'acme', clientId, { roles: ['view'] })
  for (const [name, change] of Object.entries(changes))
    await t.rejects(change(), { code: 'forbidden' }, `${name}: demoted`)
  await operations.accounts.update(TESTER, 'acme', clientId, {
    roles: ['account-admin'],
    enabled: false,
  })
  for (const [name, change] of Object.entries(changes))
    await t.rejects(change(), { code: 'invalid_token' }, `${name}: disabled`)
  t.equal((await operations.accounts.find(TESTER, 'acme', account.clientId)).version, account.version)
})

t.test('an import ends with the authority of who sent it', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  const actor = await operations.administrators.authenticate(token, '192.0.2.1')
  const { importResourceLines } = await import('../../src/operations/resources/protected-resource-import.ts')
  const lines = Array.from({ length: 1200 }, (_, n) => JSON.stringify({ type: 'device', id: `d${n}` }))
  const chunks = importResourceLines(operations.resources, actor, 'acme', lines.join('\n'))
  t.equal((await chunks.next()).value?.length, 500)
  await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  await t.rejects(chunks.next(), { code: 'invalid_token' })
  const { items } = await operations.resources.list(TESTER, 'acme', { limit: 1000 })
  t.equal(items.length, 500)
})

async function fillTrail({ databaseUrl }: TestServer, lines: number): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query(
    `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, outcome, details)
     select r.id, r.name, now() - n * interval '1 ms', 'cli', 'x', 'filler', 'done', '{}'
     from realms r, generate_series(1, $1) n where name = 'acme'`,
    [lines],
  )
  await client.end()
}

t.test('an export of the trail ends with the authority of who asked for it', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  await fillTrail(server, 1001)
  const actor = await operations.administrators.authenticate(token, '192.0.2.1')
  const events = await operations.audit.export(actor, 'acme', {})
  for (let n = 0; n < 1000; n++) await events.next()
  await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  await t.rejects(events.next(), { code: 'invalid_token' })
})

t.test('disabling an administrator waits for its change under way, and refuses the next one', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'target' })
  const ask = asking(server, token)
  const path = `/admin/realms/acme/service-accounts/${account.clientId}`
  const changes = Array.from({ length: 10 }, (_, n) => ask('PATCH', path, { description: `${n}` }))
  await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  const { version } = await operations.accounts.find(TESTER, 'acme', account.clientId)
  for (const { status } of await Promise.all(changes)) t.ok(status === 200 || status === 401, String(status))
  t.equal((await operations.accounts.find(TESTER, 'acme', account.clientId)).version, version)
})

t.test('two administrators who change each other at once do not wait for each other', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const [a, b] = [
    await adminToken(server, 'acme', ['account-admin']),
    await adminToken(server, 'acme', ['account-admin']),
  ]
  const describe = (by: { token: string }, clientId: string, description: string) =>
    asking(server, by.token)('PATCH', `/admin/realms/acme/service-accounts/${clientId}`, { description })
  for (let n = 0; n < 5; n++) {
    const answers = await Promise.all([
      describe(a, b.clientId, `${n}`),
      describe(b, a.clientId, `${n}`),
      describe(a, a.clientId, `own ${n}`),
    ])
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  }
})

t.test('a portal session that has ended changes nothing, though its form had been let in', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { url } = await operations.portal.createLink(TESTER, 'acme')
  const cookie = await operations.portal.signInWithLink('acme', url.split('#')[1] as string, '192.0.2.1')
  const visit = await operations.portalVisits.find([cookie], 'acme')
  const { portalActor } = await import('../../src/domain/portal-session.ts')
  if (!visit) throw new Error('there is no session')
  const actor = portalActor(visit.session, '192.0.2.1', visit.idHash)
  await operations.accounts.create(actor, 'acme', { name: 'CI' })
  await operations.portal.endSessions(TESTER, 'acme', undefined)
  await t.rejects(operations.accounts.create(actor, 'acme', { name: 'late' }), { code: 'forbidden' })
})

t.test('a token that was good when the request came is still what a bodyless change rests on', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'admin',
    roles: ['account-admin'],
  })
  const token = await tokenFor(server, 'acme', account.clientId, clientSecret)
  const answer = await asking(server, token)('POST', '/admin/realms/acme/keys/rotate')
  t.equal(answer.status, 200, answer.text)
})
