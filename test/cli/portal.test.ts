import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, startServer } from '../support/process.ts'

t.test(
  'portal-link prints a link that a running server takes, and portal-session tells and ends who came',
  async (t) => {
    const environment = onDatabase(await testDatabase(t))
    await mintmark(['realm', 'create', 'acme'], environment)
    const run = async (...args: string[]) => mintmark(args, environment)
    const json = async (...args: string[]) => JSON.parse((await run('--json', ...args)).stdout)

    t.match((await run('portal-session', 'list', '--realm', 'acme')).stdout, 'Nobody is signed in.')
    const said = await run('portal-link', '--realm', 'acme')
    t.match(
      said.stdout,
      /^http:\/\/localhost:8080\/portal\/acme\/sign-in#[\w-]{43}\n\nIt lets one person in, until \S+Z\./,
    )
    t.equal(said.stderr, '')

    const { url, expires_at } = await json('portal-link', '--realm', 'acme')
    t.match(expires_at, /Z$/)
    const server = await startServer(t, environment)
    const answer = await fetch(`${server.url}/portal/acme/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ code: new URL(url).hash.slice(1) }),
    })
    t.equal(answer.status, 303)

    t.match(await json('portal-session', 'list', '--realm', 'acme'), [
      { realm: 'acme', subject: /^link of cli:/, access: 'administer', address: '127.0.0.1' },
    ])
    t.match((await run('portal-session', 'list', '--realm', 'acme')).stdout, /^SUBJECT +NAME +ACCESS/)
    t.same(await json('portal-session', 'end', '--realm', 'acme', '--subject', 'nobody'), {
      realm: 'acme',
      ended: 0,
    })
    t.match((await run('portal-session', 'end', '--realm', 'acme')).stdout, 'Sessions ended: 1.')
    const refused = await run('portal-link', '--realm', 'nobody')
    t.equal(refused.code, 3)
    t.match(refused.stderr, 'There is no realm nobody.')
  },
)
