import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const databaseUrl = await testDatabase(t)
const { operations } = await testServer(t, { databaseUrl })
await operations.realms.create(TESTER, 'acme')
const run = (...args: string[]) => mintmark(args, onDatabase(databaseUrl))

t.test('quotas of accounts and realms are set, shown and taken away by command', async (t) => {
  const made = await run(
    'service-account',
    'create',
    '--realm',
    'acme',
    '--name',
    'CI',
    '--quota',
    '9/day',
    '--json',
  )
  const { client_id: clientId, quota } = JSON.parse(made.stdout)
  t.same(quota, { tokens_per_hour: null, tokens_per_day: 9, mode: 'enforce' })
  const update = (text: string) =>
    run('service-account', 'update', clientId, '--realm', 'acme', '--quota', text)
  t.match((await update('1000/hour,5000/day:monitor')).stdout, /quota +1000\/hour,5000\/day:monitor\n/)
  for (const wrong of ['many', '5', '5/week', '1/day,2/day', '5/day:soft'])
    t.match(await update(wrong), { code: 2, stderr: 'like 1000/hour' })
  t.match(await update('0/day'), { code: 1, stderr: 'quota.tokens_per_day must be a whole number' })
  t.equal((await run('service-account', 'update', clientId, '--realm', 'acme', '--no-quota')).code, 0)
  t.notMatch((await run('service-account', 'show', clientId, '--realm', 'acme')).stdout, 'quota')
  t.equal((await run('realm', 'update', 'acme', '--quota', '70/hour')).code, 0)
  t.match((await run('realm', 'show', 'acme')).stdout, /quota +70\/hour\n/)
  t.equal((await run('realm', 'update', 'acme', '--no-quota')).code, 0)
  t.equal((await operations.realms.find(TESTER, 'acme')).quota, null)
})

t.test('quotas are part of a realm file, and the same file again changes nothing', async (t) => {
  const file = join(temporaryFolder(t), 'beta.yaml')
  writeFileSync(
    file,
    'realm: beta\nquota: { tokens_per_day: 100 }\nservice_accounts:\n  - client_id: ci\n    quota: { tokens_per_hour: 5, mode: monitor }\n',
  )
  t.equal((await run('apply', '-f', file)).code, 0)
  t.match((await operations.realms.find(TESTER, 'beta')).quota, { tokensPerDay: 100, mode: 'enforce' })
  t.match((await operations.accounts.find(TESTER, 'beta', 'ci')).quota, { tokensPerHour: 5, mode: 'monitor' })
  t.equal((await run('apply', '-f', file, '--dry-run')).code, 0, 'no change')
  const { stdout } = await run('export', '--realm', 'beta')
  writeFileSync(file, stdout)
  t.equal((await run('apply', '-f', file, '--dry-run')).code, 0)
  writeFileSync(file, stdout.replace('tokens_per_hour: 5', 'tokens_per_hour: 6'))
  t.match(await run('apply', '-f', file, '--dry-run'), { code: 2, stdout: 'quota' })
  writeFileSync(file, 'realm: beta\nquota: null\nservice_accounts:\n  - client_id: ci\n    quota: null\n')
  t.equal((await run('apply', '-f', file)).code, 0)
  t.equal((await operations.realms.find(TESTER, 'beta')).quota, null)
  t.equal((await operations.accounts.find(TESTER, 'beta', 'ci')).quota, null)
  writeFileSync(file, 'realm: beta\nquota: { tokens_per_week: 3 }\n')
  t.match(await run('apply', '-f', file), { code: 1, stderr: 'quota' })
})
