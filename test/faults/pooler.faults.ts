import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../support/embedded.ts'
import { freePort } from '../support/free-port.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import { command, unprivileged } from '../support/postgres-server.ts'
import { mintmark, onDatabase, startServer, temporaryFolder } from '../support/process.ts'

const { error } = spawnSync('pgbouncer', ['--version'])
const skip = error ? 'pgbouncer is not installed' : false

/** In transaction mode, with four backends for all connections and every other setting at its default. */
async function pooler(t: Test, databaseUrl: string): Promise<string> {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o755)
  const { port } = new URL(databaseUrl)
  const own = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  const users = join(folder, 'users.txt')
  writeFileSync(users, '"mintmark" ""\n')
  writeFileSync(
    file,
    `[databases]
* = host=127.0.0.1 port=${port} user=mintmark
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = 4
`,
  )
  const owner = unprivileged()
  if (owner) for (const path of [file, users]) chownSync(path, owner.uid, owner.gid)
  const [program, ...args] = command(owner, 'pgbouncer')
  const child = spawn(program as string, [...args, file], { stdio: 'ignore' })
  t.teardown(() => child.kill())
  return `postgres://mintmark@127.0.0.1:${own}/postgres`
}

t.test('behind PgBouncer in transaction mode every token is issued', { skip }, async (t) => {
  const postgres = await ownPostgres(t)
  const environment = onDatabase(await pooler(t, postgres.databaseUrl))
  await until(async () => (await mintmark(['migrate'], environment)).code === 0)
  const { url } = await startServer(t, environment)
  await mintmark(['realm', 'create', 'acme'], environment)
  const made = await mintmark(
    ['service-account', 'create', '--realm', 'acme', '--name', 'CI', '--json'],
    environment,
  )
  const { client_id, client_secret } = JSON.parse(made.stdout)
  const ask = async () => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
    const answer = await fetch(`${url}/realms/acme/protocol/openid-connect/token`, { method: 'POST', body })
    await answer.text()
    return answer.status
  }
  const statuses: number[] = []
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let n = 0; n < 50; n++) statuses.push(await ask())
    }),
  )
  t.same(new Set(statuses), new Set([200]))
  t.equal(statuses.length, 800)
})
