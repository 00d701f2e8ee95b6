import pg from 'pg'
import t from 'tap'
import { TESTER } from '../support/server.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

t.test('activity is seen, and read as a table, with and without script', async (t) => {
  const at = await portal(t)
  const { operations } = at.server
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI of the web shop' })
  const client = new pg.Client(at.server.databaseUrl)
  await client.connect()
  await client.query(
    `insert into token_counts (realm_id, client_id, period, starts_at, issued, refused)
     select r.id, c.id, p.period, date_trunc(p.period, now() at time zone 'UTC') at time zone 'UTC' - n * ('1 ' || p.period)::interval,
       (40 + 30 * sin(n / 4.0))::int, case when n % 9 = 0 then 12 else 0 end
     from realms r, (values ('hour', 168), ('day', 90)) p(period, many), generate_series(0, 168) n, (values (''), ($1)) c(id)
     where r.name = 'acme' and n < p.many and n % 7 <> 3`,
    [account.clientId],
  )
  await client.query(
    `insert into account_origins (realm_id, client_id, outcome, address, user_agent, first_at, last_at)
     select r.id, $1, o.outcome, '2001:db8:1234:5678:9abc:def0:1234:' || n, o.agent, now() - n * interval '7 hours', now() - n * interval '1 hour'
     from realms r, generate_series(1, 4) n, (values ('issued', 'python-requests/2.32.3'), ('refused', $2)) o(outcome, agent)
     where r.name = 'acme'`,
    [account.clientId, `<b>odd</b> ${'x'.repeat(180)}`],
  )
  await client.query(
    `insert into refusal_counts (realm_id, client_id, starts_at, reason, count)
     select r.id, c.id, date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - n * interval '1 day', reason, 10 + n
     from realms r, generate_series(0, 3) n, (values ('wrong_secret'), ('invalid_scope')) w(reason), (values (''), ($1)) c(id)
     where r.name = 'acme'`,
    [account.clientId],
  )
  await client.end()
  for (const javaScriptEnabled of [true, false]) {
    const page = await signedIn(t, at, { javaScriptEnabled })
    await page.getByRole('link', { name: 'Activity' }).click()
    await page.waitForURL('**/acme/activity')
    t.ok(await page.getByRole('img', { name: /^Tokens an hour/ }).isVisible())
    if (javaScriptEnabled) await look(t, page, 'realm-activity')
    await page.getByRole('link', { name: account.clientId }).click()
    await page.getByText('As a table').first().click()
    t.ok((await page.getByRole('table').first().getByRole('row').count()) > 100)
    t.match(await page.locator('main').innerText(), /A wrong secret[\s\S]*From where[\s\S]*<b>odd<\/b>/)
    if (javaScriptEnabled) await look(t, page, 'account-activity')
  }
})
