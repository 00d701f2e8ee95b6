import t, { type Test } from 'tap'
import { platformAdministrator } from '../support/admin.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

async function acme(t: Test) {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await server.operations.realms.create(TESTER, 'acme')
  const created = await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI' })
  return { server, ask, created, path: `/admin/realms/acme/service-accounts/${created.body.client_id}` }
}

t.test('a secret is in the answer that makes it, and nowhere else', async (t) => {
  const { server, ask, created, path } = await acme(t)
  const rotated = await ask('POST', `${path}/secrets`)
  const reset = await ask('POST', `${path}/reset-secret`)
  const secrets = [created, rotated, reset].map(({ body }) => body.client_secret as string)
  t.equal(new Set(secrets).size, 3)
  const others = [
    await ask('GET', path),
    await ask('GET', '/admin/realms/acme/service-accounts'),
    await ask('GET', `${path}/secrets`),
    await ask('PATCH', path, { description: 'changed' }),
    await ask('GET', '/admin/realms/acme/audit-events'),
    await ask('GET', '/admin/realms/acme/audit-events?format=ndjson'),
  ]
  for (const secret of secrets) {
    for (const { text } of others) t.notOk(text.includes(secret))
    t.notOk(server.log.join('\n').includes(secret))
  }
})

t.test('a rotation is started, watched and finished', async (t) => {
  const { ask, created, path } = await acme(t)
  const end = new Date(Date.now() + 3_600_000).toISOString()
  const rotated = await ask('POST', `${path}/secrets`, { old_secret_expires_at: end })
  t.equal(rotated.status, 201, rotated.text)
  t.equal(rotated.headers['location'], `${PUBLIC_URL}${path}/secrets/${rotated.body.secret.id}`)
  const { items } = (await ask('GET', `${path}/secrets`)).body
  const old = items.find(({ id }: { id: string }) => id !== rotated.body.secret.id)
  t.match(items, [Object, Object])
  t.match(old, { last_four: created.body.client_secret.slice(-4), expires_at: end, last_used_at: null })
  t.equal((await ask('POST', `${path}/secrets`)).status, 409)
  t.equal((await ask('DELETE', `${path}/secrets/${old.id}`)).status, 204)
  t.equal((await ask('DELETE', `${path}/secrets/${rotated.body.secret.id}`)).status, 409)
  t.match(await ask('POST', `${path}/secrets`, { old_secret_expires_at: '2001-01-01T00:00:00Z' }), {
    status: 400,
    body: { field: 'old_secret_expires_at' },
  })
})

t.test('what makes a secret names it, and the old ones with their end', async (t) => {
  const { server, ask, created, path } = await acme(t)
  const end = new Date(server.clock.now.getTime() + 3_600_000).toISOString()
  const rotated = await ask('POST', `${path}/secrets`, { old_secret_expires_at: end })
  const reset = await ask('POST', `${path}/reset-secret`)
  const answers = [created, rotated, reset].map(({ body }) => body)
  for (const { client_secret, secret } of answers)
    t.match(secret, { id: String, last_four: client_secret.slice(-4), expires_at: null, last_used_at: null })
  const [first, second] = answers
  t.same(first.old_secrets, [])
  t.match(rotated.body.old_secrets, [{ id: first.secret.id, expires_at: end }])
  const now = server.clock.now.toISOString()
  t.match(reset.body.old_secrets, [
    { id: second.secret.id, expires_at: now },
    { id: first.secret.id, expires_at: now },
  ])
  const members = answers.map((answer) => Object.keys(answer).sort())
  t.same(members[1], members[0], 'they have the same members')
  t.same(members[2], members[0])
})

t.test('a client keeps the credentials that it had elsewhere, and is not told them again', async (t) => {
  const { ask } = await acme(t)
  const imported = await ask('POST', '/admin/realms/acme/service-accounts', {
    name: 'Moved',
    description: 'from elsewhere',
    roles: ['operate'],
    scopes: ['view'],
    client_id: 'legacy-client',
    client_secret: 'correct horse battery staple',
  })
  t.equal(imported.status, 201)
  t.match(imported.body, { client_id: 'legacy-client', roles: ['operate'], scopes: ['view'] })
  t.notOk('client_secret' in imported.body)
})
