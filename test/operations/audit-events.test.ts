import pg from 'pg'
import t from 'tap'
import type { Actor } from '../../src/domain/actor.ts'
import type { AuditEventFilter } from '../../src/domain/audit-event.ts'
import { untilLocked } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

const ADMIN: Actor = {
  kind: 'portal',
  id: 'ann',
  address: '192.0.2.1',
  authority: { platform: false, realm: 'acme', access: 'administer' },
}

t.test('each change leaves a line that says who, what, on what, from where and when', async (t) => {
  const { operations, clock } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(ADMIN, 'acme', { name: 'CI' })
  await operations.accounts.update(ADMIN, 'acme', account.clientId, { roles: ['operate'] })
  const { items } = await operations.audit.list(ADMIN, 'acme', { limit: 10 })
  t.same(
    items.map(({ action }) => action),
    ['service-account.update', 'service-account.create', 'realm.create'],
  )
  t.match(items[0], {
    realm: 'acme',
    occurredAt: clock.now,
    actor: { kind: 'portal', id: 'ann', address: '192.0.2.1' },
    target: account.clientId,
    outcome: 'done',
    details: { name: 'CI', before: { roles: ['view'] }, after: { roles: ['operate'] } },
  })
})

t.test('a change that had to wait is of the time when it was made', async (t) => {
  const { databaseUrl, operations, clock } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(ADMIN, 'acme', { name: 'CI' })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  for (const start of [
    () => operations.realms.update(ADMIN, 'acme', { displayName: 'Acme' }),
    () => operations.accounts.create(ADMIN, 'acme', { name: 'Second' }),
    () => operations.secrets.reset(ADMIN, 'acme', account.clientId),
  ]) {
    await client.query("begin; select from realms where name = 'acme' for update")
    const change = start()
    await untilLocked(databaseUrl, 1)
    clock.advance(1)
    await client.query('commit')
    await change
    const [event] = (await operations.audit.list(ADMIN, 'acme', { limit: 1 })).items
    t.same(event?.occurredAt, clock.now)
  }
  const [secret] = await operations.secrets.list(ADMIN, 'acme', account.clientId)
  t.same(secret?.createdAt, clock.now)
})

t.test('each refused attempt leaves a line that says why', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 1 })
  const { account } = await operations.accounts.create(ADMIN, 'acme', { name: 'CI' })
  const viewer: Actor = { ...ADMIN, id: 'vic', authority: { platform: false, realm: 'acme', access: 'view' } }
  await t.rejects(operations.accounts.create(ADMIN, 'acme', { name: 'Second' }))
  await t.rejects(operations.accounts.create(ADMIN, 'acme', { name: '' }))
  await t.rejects(operations.accounts.delete(viewer, 'acme', account.clientId))
  const secret = `mm_${'x'.repeat(49)}`
  await t.rejects(operations.accounts.delete(ADMIN, 'acme', secret))
  const { items } = await operations.audit.list(ADMIN, 'acme', { limit: 4 })
  t.match(
    items.map(({ action, actor, target, outcome, details }) => [action, actor.id, target, outcome, details]),
    [
      ['service-account.delete', 'ann', 'mm_…', 'refused', { code: 'not_found', field: 'client_id' }],
      ['service-account.delete', 'vic', account.clientId, 'refused', { code: 'forbidden' }],
      ['service-account.create', 'ann', '', 'refused', { code: 'invalid', field: 'name' }],
      ['service-account.create', 'ann', 'Second', 'refused', { code: 'limit_reached' }],
    ],
  )
})

t.test('each refused read leaves an audit event', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const nobody: Actor = {
    ...ADMIN,
    id: 'nora',
    authority: { platform: false, realm: 'acme', access: 'none' },
  }
  const first = { after: '', limit: 1 }
  const reads: [string, (actor: Actor) => Promise<unknown>][] = [
    ['realm.read', (actor) => operations.realms.find(actor, 'acme')],
    ['service-account.list', (actor) => operations.accounts.list(actor, 'acme', first)],
    ['service-account.read', (actor) => operations.accounts.find(actor, 'acme', 'ci')],
    ['service-account.list-secrets', (actor) => operations.secrets.list(actor, 'acme', 'ci')],
    ['service-account.preview-token', (actor) => operations.tokens.preview(actor, 'acme', 'ci')],
    ['grant.list', (actor) => operations.grants.list(actor, 'acme', 'ci', first)],
    ['resource.list', (actor) => operations.resources.list(actor, 'acme', first)],
    ['resource.read', (actor) => operations.resources.find(actor, 'acme', { type: 'x', id: 'y' })],
    ['key.list', (actor) => operations.signingKeys.list(actor, 'acme')],
    ['portal.list-sessions', (actor) => operations.portal.listSessions(actor, 'acme')],
    ['audit-event.list', (actor) => operations.audit.list(actor, 'acme', { limit: 1 })],
    ['audit-event.export', (actor) => operations.audit.export(actor, 'acme', {})],
  ]
  for (const [action, read] of reads) {
    await t.rejects(read(nobody), { code: 'forbidden' })
    const { items } = await operations.audit.list(TESTER, 'acme', { limit: 1, action, actor: 'nora' })
    t.match(items, [{ outcome: 'refused', details: { code: 'forbidden' } }], action)
  }
  // Of no realm in particular: in the trail of the actor's own realm.
  await t.rejects(operations.realms.list(nobody, { after: 'acme', limit: 1 }), { code: 'forbidden' })
  const { items } = await operations.audit.list(TESTER, 'acme', { limit: 1 })
  t.match(items, [{ action: 'realm.list', realm: 'acme', actor: { id: 'nora' }, target: undefined }])
})

t.test('a refused attempt with an unstorable name is recorded too', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const long = `${'a'.repeat(199)}👩 and so on`
  for (const name of ['C\0I\n', '\ud800', long])
    await t.rejects(operations.accounts.create(ADMIN, 'acme', { name }), { code: 'invalid' })
  const { items } = await operations.audit.list(ADMIN, 'acme', { limit: 3, actor: 'ann' })
  t.same(
    items.map(({ target }) => target),
    [`${'a'.repeat(199)}\ufffd`, '\ufffd', 'C\ufffdI\ufffd'],
  )
  await t.rejects(operations.realms.create(TESTER, 'a\0b'), { code: 'invalid' })
  const platform = await operations.audit.list(TESTER, undefined, { limit: 1 })
  t.match(platform.items[0], { action: 'realm.create', outcome: 'refused', realm: undefined })
})

t.test(
  'attempts on a realm that is not there, and ends of realms, are in the trail of the platform',
  async (t) => {
    const { operations } = await testServer(t)
    await operations.realms.create(TESTER, 'acme')
    await operations.realms.delete(TESTER, 'acme')
    await t.rejects(operations.signingKeys.rotate(TESTER, 'acme'))
    const { items } = await operations.audit.list(TESTER, undefined, { limit: 10 })
    t.match(
      items.map(({ action, outcome }) => [action, outcome]),
      [
        ['key.rotate', 'refused'],
        ['realm.delete', 'done'],
      ],
    )
    await t.rejects(operations.audit.list(ADMIN, undefined, { limit: 10 }), { code: 'forbidden' })
  },
)

t.test('a refusal stands when it cannot be written down', async (t) => {
  const { operations, cutDatabase } = await testServer(t)
  await cutDatabase()
  await t.rejects(operations.accounts.create(ADMIN, 'acme', { name: '' }), { code: 'invalid' })
})

t.test('the trail comes in pages, newest first, by time, action, actor and target', async (t) => {
  const { operations, clock } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const start = clock.now
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    clock.advance(name === 'c' ? 0 : 10)
    await operations.accounts.create(ADMIN, 'acme', { name })
  }
  const names: unknown[] = []
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await operations.audit.list(ADMIN, 'acme', {
      action: 'service-account.create',
      after,
      limit: 2,
    })
    names.push(...page.items.map(({ details }) => details['name']))
    after = page.next
  }
  t.same(names, ['e', 'd', 'c', 'b', 'a'])
  const find = async (filter: object) =>
    (await operations.audit.list(ADMIN, 'acme', { limit: 10, ...filter })).items.map(
      ({ details }) => details['name'],
    )
  const at = (seconds: number) => new Date(start.getTime() + seconds * 1000)
  t.same(await find({ from: at(10), to: at(30) }), ['c', 'b', 'a'])
  t.same(await find({ actor: 'tester' }), [undefined])
  const [newest] = (await operations.audit.list(ADMIN, 'acme', { limit: 1 })).items
  t.same(await find({ target: newest?.target }), ['e'])
  for (const after of ['', 'x', '1', '1.2.3', "1.1'"])
    await t.rejects(operations.audit.list(ADMIN, 'acme', { after, limit: 1 }), {
      code: 'invalid',
      field: 'cursor',
    })
})

t.test('an export has every line once, however many pages it takes', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query(`
    insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, outcome, details)
    select r.id, r.name, timestamptz '2026-01-01' + n / 3 * interval '1 second', 'cli', 'x', 'filler', 'done', '{}'
    from realms r, generate_series(1, 2500) n`)
  await client.end()
  const all = []
  for await (const event of await operations.audit.export(ADMIN, 'acme', {})) all.push(event)
  t.equal(all.length, 2501)
  t.equal(new Set(all.map(({ id }) => id)).size, 2501)
})

t.test(
  'an export is whole and in order, where events come in bursts with gaps of years between',
  async (t) => {
    const { operations, databaseUrl } = await testServer(t)
    await operations.realms.create(TESTER, 'acme')
    const client = new pg.Client(databaseUrl)
    await client.connect()
    // More than two pages in one millisecond, a steady day, a second that is full, single events long before.
    const bursts = [
      ['2026-05-01 10:00', 2300, '0 seconds'],
      ['2026-04-20', 1500, '57 seconds'],
      ['2026-04-19 23:59', 1100, '1 millisecond'],
      ['2024-02-29', 3, '1 day'],
      ['2009-01-01', 1, '1 day'],
    ] as const
    for (const [at, count, step] of bursts)
      await client.query(
        `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, outcome, details)
      select r.id, r.name, $1::timestamptz + n * $3::interval, 'cli', 'x', 'filler-' || n % 7, 'done', '{}'
      from realms r, generate_series(1, $2::int) n`,
        [at, count, step],
      )
    const { rows } = await client.query('select id from audit_events order by occurred_at desc, id desc')
    const bounded = await client.query(
      `select id from audit_events where occurred_at >= '2026-04-20 05:00Z' and occurred_at < '2026-05-01 10:00Z'
    order by occurred_at desc, id desc`,
    )
    await client.end()
    const exported = async (filter: AuditEventFilter) => {
      const ids: string[] = []
      for await (const { id } of await operations.audit.export(ADMIN, 'acme', filter)) ids.push(id)
      return ids
    }
    const ids = (found: { id: string }[]) => found.map(({ id }) => id)
    t.ok(rows.length > 4900)
    t.equal((await exported({})).join(), ids(rows).join())
    const [from, to] = [new Date('2026-04-20T05:00:00Z'), new Date('2026-05-01T10:00:00Z')]
    t.equal((await exported({ from, to })).join(), ids(bounded.rows).join(), 'between two times')
    t.ok(bounded.rows.length > 100)
  },
)

t.test('a stranger writes nothing into the trail of another realm, and no words into its own', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'victim')
  await operations.realms.create(TESTER, 'home')
  const words = '=cmd|/C calc'
  const key = { type: 'device', id: words }
  const grant = { ...key, role: 'view' }
  for (const access of ['none', 'administer'] as const) {
    const actor: Actor = {
      ...ADMIN,
      id: `home/${access}`,
      authority: { platform: false, realm: 'home', access },
    }
    const attempts: ((realm: string) => Promise<unknown>)[] = [
      (realm) => operations.realms.create(actor, realm),
      (realm) => operations.realms.update(actor, realm, { displayName: words }),
      (realm) => operations.realms.delete(actor, realm),
      (realm) => operations.accounts.create(actor, realm, { name: words }),
      (realm) => operations.accounts.update(actor, realm, words, { enabled: false }),
      (realm) => operations.accounts.delete(actor, realm, words),
      (realm) => operations.secrets.reset(actor, realm, words),
      (realm) => operations.secrets.delete(actor, realm, words, words),
      (realm) => operations.accounts.addRole(actor, realm, words, words),
      (realm) => operations.grants.add(actor, realm, words, grant),
      (realm) => operations.resources.put(actor, realm, { ...key, name: words, groups: [] }),
      (realm) => operations.resources.delete(actor, realm, key),
      (realm) => operations.resources.import(actor, realm, [words]),
      (realm) => operations.accounts.revokeTokens(actor, realm, words),
      (realm) => operations.signingKeys.revoke(actor, realm, words),
      (realm) => operations.portal.createLink(actor, realm),
      (realm) => operations.portal.endSessions(actor, realm, words),
      (realm) => operations.accounts.find(actor, realm, words),
      (realm) => operations.audit.list(actor, realm, { limit: 1 }),
    ]
    for (const attempt of attempts)
      for (const realm of ['victim', 'nowhere']) await t.rejects(attempt(realm), { name: 'Refusal' })
  }
  const linesOf = async (realm: string | undefined) =>
    (await operations.audit.list(TESTER, realm, { limit: 500 })).items
  t.equal((await linesOf('victim')).length, 1, 'the victim has the line of its creation alone')
  t.same(await linesOf(undefined), [])
  const home = (await linesOf('home')).filter(({ outcome }) => outcome === 'refused')
  t.equal(home.length, 60, 'all strangers of a realm share one limit')
  t.notMatch(JSON.stringify(home), /calc|victim|nowhere/)
  for (const { details } of home) t.match(details, { code: /^(forbidden|not_found)$/, elsewhere: true })
})

t.test(
  'an administrator who reaches for another realm is told of at home, whether there is one or not',
  async (t) => {
    const { operations } = await testServer(t)
    await operations.realms.create(TESTER, 'acme')
    await operations.realms.create(TESTER, 'there')
    for (const realm of ['there', 'nowhere'])
      await t.rejects(operations.accounts.delete(ADMIN, realm, 'CI'), { code: 'not_found' })
    const { items } = await operations.audit.list(ADMIN, 'acme', { limit: 2 })
    const [one, other] = items.map(({ action, target, details }) => ({ action, target, details }))
    t.same(one, other)
    t.same(one, {
      action: 'service-account.delete',
      target: undefined,
      details: { code: 'not_found', field: 'realm', elsewhere: true },
    })
  },
)

t.test('a refused attempt has the name of the change that it would have made', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await t.rejects(operations.accounts.update(ADMIN, 'acme', 'none', { enabled: false }))
  await t.rejects(operations.accounts.update(ADMIN, 'acme', 'none', { enabled: true, expectedVersion: 1 }))
  await t.rejects(operations.accounts.update(ADMIN, 'acme', 'none', { name: 'CI' }))
  await t.rejects(operations.resources.put(ADMIN, 'acme', {}))
  const { items } = await operations.audit.list(ADMIN, 'acme', { limit: 4 })
  t.same(
    items.map(({ action }) => action),
    ['resource.update', 'service-account.update', 'service-account.enable', 'service-account.disable'],
  )
})

t.test('a line is bounded: long lists are told by their size', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const many = (n: number) =>
    Array.from({ length: 100 }, (_, i) => `https://${'a'.repeat(150)}.test/${n}/${i}`)
  await operations.realms.update(ADMIN, 'acme', { audiences: many(1), scopes: ['view', 'deploy'] })
  await operations.realms.update(ADMIN, 'acme', { audiences: many(2) })
  const { items } = await operations.audit.list(ADMIN, 'acme', { limit: 2, action: 'realm.update' })
  for (const { details } of items) t.ok(JSON.stringify(details).length <= 8192)
  t.match(items[1]?.details, {
    before: { audiences: [] },
    after: { audiences: { count: 100 }, scopes: ['view', 'deploy'] },
  })
  t.match(items[0]?.details, { before: { audiences: { count: 100 } }, after: { audiences: { count: 100 } } })
})

t.test(
  'the trail of a realm outlives it, by name and by id, for platform administrators alone',
  async (t) => {
    const { operations, clock } = await testServer(t)
    const makeAndDelete = async (account: string) => {
      await operations.realms.create(TESTER, 'acme')
      await operations.accounts.create(ADMIN, 'acme', { name: account })
      clock.advance(1)
      await operations.realms.delete(TESTER, 'acme')
      clock.advance(1)
    }
    const namesIn = async (owner: string | { id: string }) =>
      (await operations.audit.list(TESTER, owner, { action: 'service-account.create', limit: 9 })).items.map(
        ({ details }) => details['name'],
      )
    await makeAndDelete('first')
    await makeAndDelete('second')
    t.same(await namesIn('acme'), ['second'], 'the last one of that name')
    const exported = await operations.audit.export(TESTER, 'acme', {})
    t.match((await exported.next()).value, { realm: 'acme', realmId: String })

    const { items } = await operations.audit.list(TESTER, undefined, {
      action: 'realm.delete',
      limit: 9,
    })
    t.match(
      items.map(({ target, details }) => [target, details['service_accounts']]),
      [
        ['acme', 1],
        ['acme', 1],
      ],
    )
    const [second, first] = items.map(({ details }) => ({ id: details['id'] as string }))
    t.same(
      [await namesIn(first as { id: string }), await namesIn(second as { id: string })],
      [['first'], ['second']],
    )

    await operations.realms.create(TESTER, 'acme')
    t.same(await namesIn('acme'), [], 'a realm made again under the name has a trail of its own')
    t.same((await operations.audit.list(ADMIN, 'acme', { limit: 9 })).items.length, 1)
    const forbidden = { code: 'forbidden' }
    await t.rejects(operations.audit.list(ADMIN, first, { limit: 1 }), forbidden)
    await t.rejects(operations.audit.export(ADMIN, second, {}), forbidden)
    await t.rejects(operations.audit.list(TESTER, { id: '999' }, { limit: 1 }), { code: 'not_found' })
    await t.rejects(operations.audit.list(TESTER, 'nowhere', { limit: 1 }), { code: 'not_found' })
  },
)

t.test('an administrator of a realm that is deleted does not read its trail', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.delete(TESTER, 'acme')
  await t.rejects(operations.audit.list(ADMIN, 'acme', { limit: 1 }), { code: 'not_found' })
})

t.test('a trail of which no line is kept is empty rather than unknown', async (t) => {
  const { operations, clock } = await testServer(t)
  const { id } = await operations.realms.create(TESTER, 'acme')
  await operations.policy.update(TESTER, { auditRetentionDays: 30 })
  clock.advance(31 * 86_400)
  await operations.audit.prune(TESTER)
  t.same((await operations.audit.list(TESTER, { id }, { limit: 9 })).items, [])
  await operations.realms.delete(TESTER, 'acme')
  t.same((await operations.audit.list(TESTER, { id }, { limit: 9 })).items, [])
  await t.rejects(operations.audit.list(TESTER, { id: '999' }, { limit: 9 }), { code: 'not_found' })
})

t.test('the trail is kept for ever, or for as long as the policy says', async (t) => {
  const { operations, clock } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const linesOf = async (realm?: string) =>
    (await operations.audit.list(TESTER, realm, { limit: 9 })).items.map(({ action }) => action)
  clock.advance(400 * 86_400)
  await operations.accounts.create(ADMIN, 'acme', { name: 'CI' })
  await operations.expiry.deleteExpired()
  t.equal((await linesOf('acme')).length, 2)
  await operations.policy.update(TESTER, { auditRetentionDays: 365 })
  await operations.expiry.deleteExpired()
  t.same([await linesOf('acme'), await linesOf()], [['service-account.create'], ['policy.update']])
  clock.advance(365 * 86_400)
  await operations.expiry.deleteExpired()
  t.same(await linesOf('acme'), ['service-account.create'], 'to the moment')
  clock.advance(1)
  t.equal(await operations.audit.prune(TESTER), 2)
  t.equal(await operations.audit.prune(TESTER), 0)
  await operations.policy.update(TESTER, { auditRetentionDays: undefined })
  clock.advance(3650 * 86_400)
  await operations.expiry.deleteExpired()
  t.same(await linesOf(), ['policy.update'])
  await t.rejects(operations.audit.prune(ADMIN), { code: 'forbidden' })
  for (const auditRetentionDays of [0, 29, 36_501, 30.5])
    await t.rejects(operations.policy.update(TESTER, { auditRetentionDays }), {
      code: 'invalid',
      field: 'audit_retention_days',
    })
})
