import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { fatal, launch, onDatabase } from '../support/process.ts'
import { refusedStart, serveHere } from '../support/serve-here.ts'

t.test('REALM_FILE is applied before the server listens, by several nodes at once', async (t) => {
  const folder = t.testdir({ 'acme.yaml': 'realm: acme\nservice_accounts: [{ client_id: ci }]\n' })
  const env = { ...onDatabase(await testDatabase(t)), REALM_FILE: folder }
  const [first] = await Promise.all([serveHere(t, env), serveHere(t, env)])
  const answer = await fetch(`${first.url}/realms/acme/.well-known/openid-configuration`)
  t.equal(answer.status, 200)
  t.match(first.log(), /REALM_FILE: realm acme is as its file says/)
  t.match(await mintmark(['service-account', 'show', '--realm', 'acme', 'ci'], env), { code: 0 })

  writeFileSync(join(folder, 'acme.yaml'), 'realm: acme\nservice_accounts: []\n')
  await serveHere(t, env)
  t.match(
    await mintmark(['service-account', 'show', '--realm', 'acme', 'ci'], env),
    { code: 0 },
    'nothing is deleted',
  )
})

t.test('a fault of REALM_FILE ends the start with one JSON line and exit code 1', async (t) => {
  const folder = t.testdir({ 'acme.yaml': 'realm: acme\nservice_accounts:\n- client_id: a\n  rolez: []\n' })
  const database = onDatabase(await testDatabase(t))
  const { code, stderr } = await launch(['serve'], { ...database, PORT: '0', REALM_FILE: folder }).ended
  t.equal(code, 1)
  t.match(fatal(stderr), /acme\.yaml: line 4: service_accounts\[0\]\.rolez: /)
  t.match(await refusedStart({ ...database, PORT: '0', REALM_FILE: join(folder, 'none.yaml') }), {
    exitCode: 1,
    detail: /REALM_FILE: .*none\.yaml cannot be read: ENOENT/,
  })
})
