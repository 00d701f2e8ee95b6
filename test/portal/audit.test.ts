import pg from 'pg'
import t from 'tap'
import { auditLines } from '../../src/http/portal/audit-groups.ts'
import { adminOf, textOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const AUDIT = '/portal/acme/audit'

async function signedIn(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 100 })
  return { server, browser: await adminOf(server, 'acme') }
}

function create({ operations }: TestServer, name: string) {
  return operations.accounts.create(TESTER, 'acme', { name })
}

t.test('the trail says who did what, on what and from where', async (t) => {
  const { server, browser } = await signedIn(t)
  const { account } = await create(server, 'CI')
  await t.rejects(create(server, 'CI'))
  const text = textOf(await browser.get(AUDIT))
  t.match(text, `Create a service account Details`)
  t.match(text, `CI ${account.clientId} tester cli this server`)
  t.match(text, 'Create a service account refused')
  t.match(text, 'Sign in to the portal link of cli:tester link of cli:tester portal 127.0.0.1')
})

t.test('the trail is filtered by day, action, actor and target', async (t) => {
  const { server, browser } = await signedIn(t)
  const { account } = await create(server, 'CI')
  await create(server, 'Backup')
  const today = server.clock.now.toISOString().slice(0, 10)
  const rows = async (query: string) => (await browser.get(`${AUDIT}?${query}`)).body.split('<tr>').length - 2
  t.equal(await rows('action=service-account.create'), 2)
  t.equal(await rows(`target=${account.clientId}`), 1)
  t.equal(await rows('actor=link+of+cli:tester'), 1)
  t.equal(await rows(`from=${today}&to=${today}&action=service-account.create`), 2)
  t.equal(await rows('from=2999-01-01'), -1)
  t.equal(await rows('to=2000-01-01'), -1)
  t.match(textOf(await browser.get(`${AUDIT}?to=2000-01-01`)), 'Nothing was found')
  // What is no day does not count, and says so at its field.
  const faults = textOf(await browser.get(`${AUDIT}?from=soon&to=2000-02-31&action=service-account.create`))
  t.match(faults, '“soon” is no day: write it like 2026-11-28.')
  t.match(faults, 'There is no day 2000-02-31.')
  t.match(faults, 'Backup')
  t.match(
    textOf(await browser.get(`${AUDIT}?from=2026-02-02&to=2026-02-01`)),
    'It is before the day in From.',
  )
  t.equal((await browser.get(`${AUDIT}/export?format=xml`)).statusCode, 400)
  const { body } = await browser.get(`${AUDIT}?action=something.else`)
  t.match(body, '<option value="something.else" selected>')
  t.equal((await browser.get(`${AUDIT}?after=x`)).statusCode, 400)
})

t.test('the trail goes on page by page, with its filter', async (t) => {
  const { server, browser } = await signedIn(t)
  for (let i = 0; i < 51; i++) await create(server, `Robot ${i}`)
  const { body } = await browser.get(`${AUDIT}?action=service-account.create`)
  const [, next = ''] = /href="(\?[^"]*after[^"]*)"/.exec(body) ?? []
  const older = await browser.get(AUDIT + next.replaceAll('&#61;', '=').replaceAll('&#38;', '&'))
  t.match(textOf(older), 'Robot 0')
  t.notMatch(textOf(older), 'Sign in to the portal demo')
})

t.test('the trail is exported as lines of JSON and as CSV that runs no formulas', async (t) => {
  const { server, browser } = await signedIn(t)
  await create(server, '=1+1')
  await t.rejects(create(server, '=1+1'))
  const json = await browser.get(`${AUDIT}/export?format=jsonl&action=service-account.create`)
  t.match(json.headers, {
    'content-type': 'application/jsonl; charset=utf-8',
    'content-disposition': /^attachment; filename="audit-acme-\d{4}-\d\d-\d\d\.jsonl"$/,
  })
  const lines = json.body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [{ outcome: 'refused' }, { outcome: 'done', details: { name: '=1+1' } }])

  const csv = await browser.get(`${AUDIT}/export?format=csv&action=service-account.create`)
  t.equal(csv.headers['content-type'], 'text/csv; charset=utf-8')
  const [head, refused] = csv.body.split('\n')
  t.equal(
    head,
    '"occurred_at","action","outcome","target","actor_kind","actor_id","address","details","id","realm","realm_id"',
  )
  t.match(refused, `,"service-account.create","refused","'=1+1","cli","tester","",`)
})

t.test('no cell of the CSV is a formula, or more than one cell to a spreadsheet', async (t) => {
  const { server, browser } = await signedIn(t)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  const targets = [
    '=1+1',
    '+1',
    '-1',
    '@SUM(1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '\u00a0=1',
    '\u200b=1',
    '\ufeff=1',
    '＝1',
    'x;=cmd|1',
    'a,b"c',
    'plain',
  ]
  for (const target of targets)
    await client.query(
      `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, details)
       select id, name, now(), 'api', $1, $1, $1, 'refused', '{}' from realms where name = 'acme'`,
      [target],
    )
  await client.end()
  const { body } = await browser.get(`${AUDIT}/export?format=csv`)
  const cells = [...body.matchAll(/"((?:[^"]|"")*)"(?:,|\n|$)/g)].map(([, cell = '']) =>
    cell.replaceAll('""', '"'),
  )
  t.equal(cells.length % 11, 0)
  t.equal(body.replace(/"(?:[^"]|"")*"/g, '').replace(/[,\n]/g, ''), '', 'nothing stands outside of quotes')
  const columns = [1, 3, 5].map((column) => cells.filter((_, n) => n % 11 === column))
  for (const column of columns)
    for (const target of targets) {
      const harmless = ['x;=cmd|1', 'a,b"c', 'plain'].includes(target)
      t.ok(column.includes(harmless ? target : `'${target}`), JSON.stringify(target))
      if (!harmless) t.notOk(column.includes(target), JSON.stringify(target))
    }
})

t.test('events without target, address or label are shown', async (t) => {
  const { server, browser } = await signedIn(t)
  await server.operations.resources.import(TESTER, 'acme', [{ type: 'device', id: 'd1' }])
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query("update audit_events set action = 'something.new' where action = 'realm.create'")
  await client.end()
  const text = textOf(await browser.get(AUDIT))
  t.match(text, 'something.new')
  t.match(text, /Import resources Details .* 1 resource tester cli this server/)
  const { body } = await browser.get(`${AUDIT}/export?format=jsonl`)
  const lines = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(
    lines.find(({ action }) => action === 'resource.import'),
    { target: null, actor: { address: null }, realm: 'acme', id: /^\d+$/ },
  )
  t.match(
    lines.find(({ action }) => action === 'portal.sign-in'),
    { actor: { address: '127.0.0.1' } },
  )
})

t.test('a part of an id or a name finds lines, whatever its case, and so does the outcome', async (t) => {
  const { server, browser } = await signedIn(t)
  const { account } = await create(server, 'CI deployer')
  await create(server, 'Backup')
  await t.rejects(create(server, 'Backup'))
  const found = async (query: Record<string, string>) => {
    const answer = await browser.get(
      `${AUDIT}?${new URLSearchParams({ action: 'service-account.create', ...query })}`,
    )
    t.equal(answer.statusCode, 200)
    return answer.body.split('<tr>').length - 2
  }
  t.equal(await found({ target: 'DEPLOY' }), 1)
  t.equal(await found({ target: account.clientId.slice(3, 14) }), 1)
  t.equal(await found({ actor: 'TEST' }), 3)
  t.equal(await found({ actor: 'cli tester' }), 3)
  t.equal(await found({ outcome: 'refused' }), 1)
  t.equal(await found({ outcome: 'done', target: 'backup' }), 1)
  t.equal(await found({ target: '%' }), -1)
  t.equal(await found({ target: "'" }), -1)
  const { body } = await browser.get(`${AUDIT}?target=deploy`)
  t.match(body, 'format&#61;csv')
  const csv = await browser.get(`${AUDIT}/export?format=csv&target=deploy&outcome=done`)
  t.equal(csv.body.trim().split('\n').length, 2)
})

t.test('a search reads past what does not match, page by page', async (t) => {
  const { server, browser } = await signedIn(t)
  await create(server, 'Needle')
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query(
    `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, details)
     select r.id, r.name, now() + n * interval '1 second', 'cli', 'hay', 'key.rotate', 'kid', 'done', '{}'
     from realms r, generate_series(1, 12000) n where r.name = 'acme'`,
  )
  await client.end()
  let answer = await browser.get(`${AUDIT}?target=needle`)
  for (let pages = 0; !textOf(answer).includes('Needle') && pages < 200; pages++) {
    const [, next = ''] = /href="(\?[^"]*after[^"]*)"/.exec(answer.body) ?? []
    answer = await browser.get(AUDIT + next.replaceAll('&#61;', '=').replaceAll('&#38;', '&'))
  }
  t.match(textOf(answer), 'Needle')
})

t.test(
  'times are told exactly, changes as a difference, and names lead to their lines and pages',
  async (t) => {
    const { server, browser } = await signedIn(t)
    const { account } = await create(server, 'CI')
    const { clientId } = account
    const changed = { name: 'CI 2', roles: ['view', 'manage'] }
    await server.operations.accounts.update(TESTER, 'acme', clientId, changed)
    const answer = await browser.get(AUDIT)
    const text = textOf(answer)
    const exact = `${server.clock.now.toISOString().slice(0, 19).replace('T', ' ')} UTC`
    t.match(text, `just now ${exact}`)
    t.match(text, 'Name: CI → CI 2')
    t.match(text, 'Roles: manage')
    t.match(answer.body, `href="/portal/acme/audit?target&#61;${clientId}&#38;only&#61;target"`)
    t.match(answer.body, 'href="/portal/acme/audit?actor&#61;tester&#38;only&#61;actor"')
    t.match(answer.body, `href="/portal/acme/service-accounts/${clientId}"`)
    await server.operations.accounts.delete(TESTER, 'acme', clientId)
    const gone = (await browser.get(`${AUDIT}?action=service-account.delete`)).body
    t.notMatch(gone, `href="/portal/acme/service-accounts/${clientId}"`)
  },
)

t.test(
  'a name that is clicked has its own lines alone, over all pages, until a part is searched for',
  async (t) => {
    const { server, browser } = await signedIn(t)
    await server.operations.audit.list(TESTER, 'acme', { limit: 1 })
    const client = new pg.Client(server.databaseUrl)
    await client.connect()
    await client.query(
      `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, details)
     select r.id, r.name, now() - n * interval '1 second', 'cli', 'bob', 'key.rotate', case n % 2 when 0 then 'kid' else 'kid-2' end, 'done', '{}'
     from realms r, generate_series(1, 120) n where r.name = 'acme'`,
    )
    await client.end()
    const first = await browser.get(`${AUDIT}?target=kid&only=target`)
    t.match(textOf(first), 'Lines on kid alone.')
    t.notMatch(textOf(first), 'kid-2')
    const [, next = ''] = /href="(\?[^"]*after[^"]*)"/.exec(first.body) ?? []
    const second = await browser.get(AUDIT + next.replaceAll('&#61;', '=').replaceAll('&#38;', '&'))
    t.match(textOf(second), 'Lines on kid alone.')
    t.match(second.body, 'Rotate')
    t.notMatch(textOf(second), 'kid-2')
    const [, part = ''] = /href="([^"]*)">Search for it as a part/.exec(first.body) ?? []
    t.match(textOf(await browser.get(AUDIT + part.replaceAll('&#61;', '='))), 'kid-2')
    t.match(textOf(await browser.get(`${AUDIT}?actor=bo&only=actor`)), 'No line of the trail is like that.')
    t.notMatch(textOf(await browser.get(`${AUDIT}?actor=bo&only=%3Cb%3E`)), /Lines (on|by)/)
    t.notMatch(textOf(await browser.get(`${AUDIT}?only=target`)), /Lines (on|by)/)
  },
)

t.test('a page of the trail reads no more once a search has read as much as it may', async (t) => {
  let reads = 0
  const read = async () => ({ items: [], next: String(++reads) })
  t.same(await auditLines(read, undefined, 50), { items: [], next: '1' })
  const event = {
    action: 'resource.import',
    outcome: 'done',
    details: { created: 1 },
    occurredAt: new Date(),
    actor: {},
  }
  const full = async () => ({ items: Array(50).fill(event), next: String(++reads) })
  t.equal((await auditLines(full, undefined, 50)).items.length, 1)
  t.equal(reads, 11, 'an import of many parts is read on, up to a bound')
})

t.test('an import is one line, however many parts it was written in', async (t) => {
  const { server, browser } = await signedIn(t)
  const device = (part: number) =>
    Array.from({ length: 30 }, (_, n) => ({ type: 'device', id: `d${part}-${n}`, name: `d${n}` }))
  for (let part = 0; part < 60; part++) await server.operations.resources.import(TESTER, 'acme', device(part))
  const answer = await browser.get(AUDIT)
  t.match(textOf(answer), 'Import resources in 60 parts 1,800 resources tester')
  t.match(textOf(answer), 'Create the realm')
  t.equal(
    answer.body.split('Import resources</').length,
    2,
    'but for the choice of actions, it is there once',
  )
})
