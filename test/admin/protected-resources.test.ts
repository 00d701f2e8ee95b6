import t from 'tap'
import { adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

const PATH = '/admin/realms/acme/resources'
const NDJSON = { 'content-type': 'application/x-ndjson' }

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const ask = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  const send = async (text: string, headers = NDJSON) => {
    const answer = await ask('POST', PATH, text, headers)
    const lines =
      answer.status === 200
        ? answer.text
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line))
        : []
    return { ...answer, lines }
  }
  return { ...server, ask, send }
}

t.test('a resource is made, read, replaced and deleted', async (t) => {
  const { ask, clock } = await acme(t)
  await ask('PUT', `${PATH}/device_group/eu-edge`, {})
  const path = `${PATH}/device/${encodeURIComponent('sn:00/1')}`
  const made = await ask('PUT', path, { name: 'Boiler', groups: ['eu-edge'] })
  t.equal(made.status, 201, made.text)
  t.match(made.body, {
    type: 'device',
    id: 'sn:00/1',
    name: 'Boiler',
    groups: ['eu-edge'],
    created_at: String,
  })
  t.same((await ask('GET', path)).body, made.body)
  clock.advance(1)
  const replaced = await ask('PUT', path, { name: 'Burner' })
  t.equal(replaced.status, 200)
  t.match(replaced.body, { name: 'Burner', groups: [], created_at: made.body.created_at })
  t.equal((await ask('DELETE', path)).status, 204)
  t.equal((await ask('GET', path)).status, 404)
  t.equal((await ask('DELETE', path)).status, 404)
})

t.test('an id of the longest kind can be named in a path', async (t) => {
  const { ask } = await acme(t)
  const path = `${PATH}/device/${encodeURIComponent(`a${'/'.repeat(99)}`)}`
  t.equal((await ask('PUT', path, {})).status, 201)
  t.equal((await ask('GET', path)).status, 200)
})

t.test('an invalid resource is refused with the faulty member', async (t) => {
  const { ask } = await acme(t)
  t.match(await ask('PUT', `${PATH}/car/1`, {}), { status: 400, body: { field: 'type' } })
  t.match(await ask('PUT', `${PATH}/device/-1`, {}), { status: 400, body: { field: 'id' } })
  t.match(await ask('PUT', `${PATH}/device/1`, { groups: ['none'] }), {
    status: 400,
    body: { field: 'groups' },
  })
  t.match(await ask('PUT', `${PATH}/device/1`, { type: 'car' }), { status: 400, body: { field: 'type' } })
  for (const id of ['-1', '%00', '%20', 'x'.repeat(150)])
    t.equal((await ask('GET', `${PATH}/device/${id}`)).status, 404, id)
})

t.test('the list comes in pages, by type, and is searched', async (t) => {
  const { ask, operations } = await acme(t)
  const entries = ['a', 'b', 'c'].map((id) => ({ type: 'device', id, name: `Boiler ${id}` }))
  await operations.resources.import(TESTER, 'acme', [...entries, { type: 'device_group', id: 'a' }])
  const first = await ask('GET', `${PATH}?limit=3`)
  t.equal(first.body.items.length, 3)
  const rest = await ask('GET', `${PATH}?limit=3&cursor=${first.body.next_cursor}`)
  t.match(rest.body, { items: [{ type: 'device_group', id: 'a' }], next_cursor: null })
  t.equal((await ask('GET', `${PATH}?search=boiler%20B`)).body.items.length, 1)
  t.equal((await ask('GET', `${PATH}?type=device_group`)).body.items.length, 1)
  t.match(await ask('GET', `${PATH}?cursor=bm9uZQ`), { status: 400, body: { field: 'cursor' } })
})

t.test('ten thousand devices are taken in one call, each with a line in the answer', async (t) => {
  const { send, ask } = await acme(t)
  const lines: string[] = [JSON.stringify({ type: 'device_group', id: 'eu-edge' })]
  for (let i = 1; i <= 10_000; i++)
    lines.push(JSON.stringify({ type: 'device', id: `d${i}`, name: `Device ${i}`, groups: ['eu-edge'] }))
  lines[7] = 'not JSON'
  lines[8] = '{"type":"device","id":"d8","groups":["none"]}'
  lines[9] = '{"type":"device","id":"d9","colour":"red"}'
  lines[10] = '{"type":"device","id":"\ufffd"}'
  const answer = await send(`${lines.join('\r\n')}\n\n`)
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-type'], 'application/x-ndjson')
  t.equal(answer.lines.length, 10_001)
  t.equal(answer.lines.filter(({ status }) => status === 'created').length, 9997)
  t.same(answer.lines[1], { line: 2, type: 'device', id: 'd1', status: 'created' })
  t.same(answer.lines.slice(7, 11), [
    { line: 8, status: 'refused', detail: 'The line is not JSON.' },
    { line: 9, status: 'refused', detail: 'There is no device_group/none.', field: 'groups' },
    {
      line: 10,
      status: 'refused',
      detail: 'A resource has type, id, name and groups only.',
      field: 'colour',
    },
    { line: 11, status: 'refused', detail: 'The line is not UTF-8.' },
  ])
  t.equal((await ask('GET', `${PATH}/device/d10000`)).status, 200)
  const again = await send(lines.join('\n'))
  t.ok(again.lines.every(({ status }) => status === 'unchanged' || status === 'refused'))
})

t.test('a bulk call is NDJSON, not too large, and not of too many lines', async (t) => {
  const { send, ask } = await acme(t)
  t.match(await send('{}', { 'content-type': 'application/json' }), {
    status: 415,
    body: { detail: 'Send application/x-ndjson.' },
  })
  t.match(await send('x'.repeat(16 * 1024 * 1024 + 1)), { status: 413, body: { limit: 16 * 1024 * 1024 } })
  t.match(await send('{}\n'.repeat(100_001)), { status: 400, body: { limit: 100_000 } })
  t.equal((await ask('POST', PATH)).status, 400, 'no body')
  t.same((await send('')).lines, [])
  t.same((await send('\n')).lines, [])
})

t.test('empty lines count too, save those at the end', async (t) => {
  const { send } = await acme(t)
  const device = JSON.stringify({ type: 'device', id: 'd1' })
  t.match(await send(`${'\n'.repeat(99_999)}${device}\n\n`), {
    lines: [{ line: 100_000, status: 'created' }],
  })
  t.match(await send(`${'\n'.repeat(100_000)}${device}`), { status: 400, body: { limit: 100_000 } })
  t.same((await send('\n'.repeat(16 * 1024 * 1024))).lines, [])
})

t.test('an import without authority is refused before its body is used', async (t) => {
  const server = await acme(t)
  const viewer = asking(server, (await adminToken(server, 'acme', ['view'])).token)
  const platform = await platformAdministrator(server)
  const tooMany = '{}\n'.repeat(100_001)
  t.equal((await viewer('POST', PATH, tooMany, NDJSON)).status, 403)
  t.equal((await server.ask('POST', '/admin/realms/other/resources', tooMany, NDJSON)).status, 404)
  t.equal((await platform('POST', '/admin/realms/other/resources', tooMany, NDJSON)).status, 404)
})

t.test('a database failure during an import is reported in its last line', async (t) => {
  const { send, app, log, databaseUrl } = await acme(t)
  const { default: pg } = await import('pg')
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'the disk is full'; end $$;
    create trigger refuse before insert on protected_resources for each row when (new.id = 'd700')
      execute function refuse()`)
  const lines = Array.from({ length: 1000 }, (_, i) => JSON.stringify({ type: 'device', id: `d${i}` }))
  const answer = await send(lines.join('\n'))
  t.equal(answer.lines.length, 501)
  t.same(answer.lines.at(-1), {
    line: 501,
    status: 'failed',
    detail: 'This line and those after it were not taken. Send them again.',
  })
  t.match(log.join('\n'), /the disk is full/)
  t.notMatch(answer.text, /disk/)
  t.ok(app)
})
