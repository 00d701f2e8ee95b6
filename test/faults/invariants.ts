import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { Test } from 'tap'
import type { OwnPostgres } from '../support/own-postgres.ts'
import type { Workload } from './workload.ts'

const COUNTS = {
  'accounts that are counted and not there, or there and not counted': `
    select from realms r where service_account_count <>
      (select count(*) from service_accounts a where a.realm_id = r.id)`,
  'realms with more accounts than their limit':
    'select from realms where service_account_count > service_account_limit',
  'accounts without a secret': `
    select from service_accounts a where not exists
      (select from client_secrets s where s.realm_id = a.realm_id and s.client_id = a.client_id)`,
  'secrets without an account': `
    select from client_secrets s where not exists
      (select from service_accounts a where a.realm_id = s.realm_id and a.client_id = s.client_id)`,
  'realms without exactly one current key': `
    select from realms r where
      (select count(*) from signing_keys k where k.realm_id = r.id and state = 'current') <> 1`,
  'accounts that were made without a line in the audit trail': `
    select from service_accounts a where not exists
      (select from audit_events e where e.target = a.client_id and action = 'service-account.create')
      and client_id <> 'root'`,
}

/** Everything that must hold once a fault is over, whatever it was. */
export async function checkInvariants(
  t: Test,
  { query }: Pick<OwnPostgres, 'query'>,
  workload: Workload,
  url: string,
): Promise<void> {
  t.same(workload.wrong.slice(0, 5), [], 'no wrong answer')
  for (const [what, text] of Object.entries(COUNTS)) t.equal((await query(text)).rowCount, 0, what)
  await checkAccounts(t, workload, url)
  await checkAudit(t, query, workload)
}

async function checkAccounts(t: Test, { accounts }: Workload, url: string): Promise<void> {
  const realm = `${url}/realms/faults`
  const jwks = createRemoteJWKSet(new URL(`${realm}/protocol/openid-connect/certs`))
  let verified = 0
  for (const [client_id, { clientSecret: client_secret, state, underway, name }] of accounts) {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
    const answer = await fetch(`${realm}/protocol/openid-connect/token`, { method: 'POST', body })
    const { access_token: token } = (await answer.json()) as { access_token?: string }
    if (underway) continue
    // Who asks for what is gone has to wait after a while.
    const right = state === 'alive' ? answer.status === 200 : [401, 429].includes(answer.status)
    if (!right) t.fail(`${name}, ${state}: ${answer.status}`)
    if (token === undefined) continue
    await jwtVerify(token, jwks)
    verified++
  }
  t.ok(verified > 0, `${verified} of ${accounts.size} accounts got tokens that verify`)
}

async function checkAudit(
  t: Test,
  query: OwnPostgres['query'],
  { accounts, rotations }: Workload,
): Promise<void> {
  const { rows } = await query(
    `select target, action, count(*)::int as n from audit_events where outcome = 'done' group by 1, 2`,
  )
  const lines = new Map(rows.map(({ target, action, n }) => [`${action} ${target}`, n as number]))
  for (const [clientId, { name, resets, state }] of accounts) {
    const count = (action: string) => lines.get(`service-account.${action} ${clientId}`) ?? 0
    if (count('create') !== 1) t.fail(`${name}: ${count('create')} lines of its creation`)
    if (count('reset-secret') < resets) t.fail(`${name}: a reset left no line`)
    if (state === 'deleted' && count('delete') !== 1) t.fail(`${name}: its deletion left no line`)
  }
  const rotated = rows.filter(({ action }) => action === 'key.rotate').reduce((sum, { n }) => sum + n, 0)
  t.ok(rotated >= rotations.acknowledged, `${rotated} lines of ${rotations.acknowledged} rotations`)
}
