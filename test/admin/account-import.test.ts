import t from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

const PATH = '/admin/realms/acme/service-accounts/import'
const NDJSON = { 'content-type': 'application/x-ndjson' }
const HASH = 'sha256:TkS5OKFzYaFCPEMPoXuIySZ6VwiBST9RmLehJZLt1rA='

t.test('service accounts are imported a line each, and answered a line each', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 2000 })
  const ask = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  const lines = [
    JSON.stringify({ client_id: 'billing', name: 'Billing', secret_hash: HASH }),
    '',
    'nonsense',
    JSON.stringify({ client_id: 'x', name: 'x', secret_hash: 'md5:0' }),
  ].join('\n')
  const { status, headers, text } = await ask('POST', PATH, lines, NDJSON)
  t.equal(status, 200)
  t.match(headers['content-type'], /^application\/x-ndjson/)
  const answers = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(answers, [
    { line: 1, status: 'created', client_id: 'billing', foreign_hash: 'sha256' },
    { line: 3, status: 'refused', detail: 'The line is not JSON.' },
    { line: 4, status: 'refused', client_id: 'x', field: 'secret_hash' },
  ])
  t.equal(
    (await ask('POST', PATH, lines, NDJSON)).text.split('\n')[0],
    '{"line":1,"status":"unchanged","client_id":"billing"}',
  )
  const { body } = await ask('GET', '/admin/realms/acme/service-accounts/billing')
  t.match(body, { client_id: 'billing', foreign_hash: 'sha256', auth_methods: ['client_secret'] })
  const logged = server.log.join('\n')
  t.notMatch(logged, 'TkS5OKFz', 'no hash in the log')
})

t.test('an import that is no NDJSON, or by somebody else, is refused', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  await server.operations.realms.create(TESTER, 'other')
  const ask = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.equal((await ask('POST', PATH, '{}', { 'content-type': 'application/json' })).status, 415)
  t.equal((await ask('POST', PATH)).status, 400)
  const stranger = asking(server, (await adminToken(server, 'other', ['account-admin'])).token)
  t.equal((await stranger('POST', PATH, '{}', NDJSON)).status, 404)
  const client = asking(server, (await adminToken(server, 'acme', ['view'])).token)
  t.equal((await client('POST', PATH, '{}', NDJSON)).status, 403)
  t.equal((await asking(server, undefined)('POST', PATH, '{}', NDJSON)).status, 401)
})

t.test('an import of several chunks ends with the authority of who sent it', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 2000 })
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  const lines = Array.from({ length: 600 }, (_, n) =>
    JSON.stringify({ client_id: `c${n}`, name: `c${n}`, secret_hash: HASH }),
  )
  // It ends its own account's administration in the first chunk.
  lines.splice(10, 0, JSON.stringify({ client_id: clientId, name: 'demoted', roles: ['view'] }))
  const { status, text } = await asking(server, token)('POST', PATH, lines.join('\n'), NDJSON)
  t.equal(status, 200)
  t.match(JSON.parse(text.trim().split('\n').at(-1) as string), { line: 501, status: 'failed' })
  const page = await server.operations.accounts.list(TESTER, 'acme', { after: '', limit: 1000 })
  t.equal(page.items.length, 500)
})
