import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))

async function answer(...args: string[]) {
  return JSON.parse((await mintmark([...args, '--json'], env)).stdout)
}

t.test('a realm is made, changed, shown and deleted', async (t) => {
  await answer('realm', 'create', 'acme', '--token-lifetime', '60')
  const changed = await answer('realm', 'update', 'acme', '--role', 'deployer', '--display-name', 'Acme')
  t.match(changed, { roles: ['deployer'], display_name: 'Acme', token_lifetime_seconds: 60 })
  t.same(await answer('realm', 'show', 'acme'), changed)
  const refused = await mintmark(['realm', 'delete', 'acme', '--confirm', 'other'], env)
  t.equal(refused.code, 1)
  t.match(refused.stderr, '--confirm must be acme.')
  t.same(await answer('realm', 'delete', 'acme', '--confirm', 'acme'), { name: 'acme', deleted: true })
})

t.test('a secret is rotated with an overlap, and the rotation cancelled', async (t) => {
  await answer('realm', 'create', 'rotating')
  const inRealm = (command: string, ...args: string[]) =>
    answer('service-account', command, '--realm', 'rotating', ...args)
  const { client_id, client_secret } = await inRealm('create', '--name', 'CI')
  t.match(await inRealm('update', client_id, '--name', 'Build', '--scope', 'view'), {
    name: 'Build',
    scopes: ['view'],
  })
  const end = new Date(Date.now() + 3_600_000).toISOString()
  const rotated = await inRealm('rotate-secret', client_id, '--old-expires-at', end)
  t.not(rotated.client_secret, client_secret)
  const [fresh, old] = await inRealm('list-secrets', client_id)
  t.same(fresh, rotated.secret)
  t.match(old, { last_four: client_secret.slice(-4), expires_at: end })
  const { stdout } = await mintmark(
    ['service-account', 'list-secrets', '--realm', 'rotating', client_id],
    env,
  )
  t.match(stdout, `…${client_secret.slice(-4)}`)
  t.match(await inRealm('delete-secret', client_id, fresh.id), { id: fresh.id, deleted: true })
  t.equal((await inRealm('list-secrets', client_id)).length, 1)
})

t.test('changes are in the audit trail', async (t) => {
  const events = await answer('audit', 'list', '--realm', 'rotating', '--limit', '2')
  t.match(events, [
    { action: 'service-account.delete-secret', actor: { kind: 'cli' }, outcome: 'done' },
    { action: 'service-account.rotate-secret' },
  ])
  t.equal(events.length, 2)
  const platform = await mintmark(['audit', 'list', '--action', 'realm.delete'], env)
  t.match(platform.stdout, /realm\.delete +acme +done/)
  t.equal((await mintmark(['audit', 'list', '--from', 'yesterday'], env)).code, 2)
  const [deleted] = await answer('audit', 'list', '--action', 'realm.delete')
  t.same(
    await answer('audit', 'list', '--realm', 'acme'),
    await answer('audit', 'list', '--realm-id', deleted.details.id),
  )
  t.match(await answer('audit', 'list', '--realm', 'acme', '--limit', '1'), [
    { realm: 'acme', realm_id: deleted.details.id, action: 'realm.update' },
  ])
  for (const wrong of [
    ['--realm-id', '1', '--realm', 'acme'],
    ['--realm-id', 'acme'],
  ])
    t.not((await mintmark(['audit', 'list', ...wrong], env)).code, 0)
})

t.test('the bounds for realms are shown and changed', async (t) => {
  await answer('realm', 'create', 'bounded', '--token-lifetime', '3600')
  const changed = await answer(
    ...['policy', 'update', '--max-token-lifetime', '600', '--leaked-secret-action', 'disable'],
    ...['--algorithm', 'ES256', '--algorithm', 'EdDSA', '--introspection-audiences', 'served'],
    ...['--min-key-rotation', '86400', '--max-key-rotation', '8640000'],
    ...[
      '--min-jwks-max-age',
      '60',
      '--max-jwks-max-age',
      '3600',
      '--audit-retention',
      '90',
      '--max-resources',
      '500',
    ],
  )
  t.match(changed, {
    max_token_lifetime_seconds: 600,
    leaked_secret_actions: ['disable'],
    algorithms: ['ES256', 'EdDSA'],
    audit_retention_days: 90,
    max_resources_per_realm: 500,
    realms_beyond: ['bounded'],
  })
  t.same(await answer('policy', 'show'), changed)
  t.match((await mintmark(['policy', 'show'], env)).stdout, /realms beyond +bounded/)
  t.same(await answer('audit', 'prune'), { deleted: 0 })
  t.match(await answer('policy', 'update', '--audit-retention', '0'), { audit_retention_days: null })
  t.match(await answer('policy', 'update', '--no-max-resources'), { max_resources_per_realm: null })
  const refused = await mintmark(['policy', 'update', '--max-token-lifetime', '4000'], env)
  t.equal(refused.code, 1)
  t.match(refused.stderr, 'max_token_lifetime_seconds must be a whole number from 30 to 3600.')
})
