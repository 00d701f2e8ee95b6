import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { unprivileged } from '../support/postgres-server.ts'
import { temporaryFolder } from '../support/process.ts'

const MEMBERS = [1, 2, 3] as const
type Member = (typeof MEMBERS)[number]

/** Debian's packages patroni, etcd-server, haproxy, postgresql and pgbouncer. */
const PROGRAMS = ['etcd', 'patroni', 'patronictl', 'haproxy', 'pgbouncer']

export interface Cluster {
  /** The primary, whichever that is, by way of HAProxy. */
  readonly databaseUrl: string
  /** The standbys in turn, by way of HAProxy. */
  readonly readUrl: string
  /** The primary by way of PgBouncer in transaction mode. */
  readonly pooledUrl: string
  /** One address for servers that come later: HAProxy sends requests to those that are ready. */
  readonly front: string
  readonly fronted: readonly number[]
  query(text: string): Promise<pg.QueryResult>
  /** What pg_dump writes of the database, put into a new one by pg_restore. Returns the new one's address. */
  restoreDump(name: string): Promise<string>
  /** Kills, freezes or switches the primary. */
  lose(way: Loss): Promise<void>
  /** Brings back what was lost, and waits until all three are well. */
  heal(): Promise<void>
}

export type Loss = 'postmaster' | 'node' | 'frozen' | 'switchover'

/** Three PostgreSQL under Patroni with synchronous replication, etcd, HAProxy and PgBouncer, on loopback. */
export async function startCluster(t: Test): Promise<Cluster> {
  requirePrograms()
  const folder = temporaryFolder(t)
  const owner = unprivileged()
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const children = new Map<string, ChildProcess>()
  const port = {
    etcd: await freePort(),
    peer: await freePort(),
    primary: await freePort(),
    replica: await freePort(),
    pooled: await freePort(),
    front: await freePort(),
    nodes: [await freePort(), await freePort()],
    postgres: { 1: await freePort(), 2: await freePort(), 3: await freePort() },
    rest: { 1: await freePort(), 2: await freePort(), 3: await freePort() },
  }

  function run(name: string, program: string, ...args: string[]): void {
    const log = openSync(join(folder, `${name}.log`), 'a')
    const as = owner ? ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'] : []
    const [first, ...rest] = [...as, program, ...args]
    const env = { ...process.env, HOME: folder, PATH: `${postgresBin()}:/usr/sbin:/usr/bin:/sbin:/bin` }
    children.set(name, spawn(first as string, rest, { cwd: folder, env, stdio: ['ignore', log, log] }))
  }

  const startMember = (member: Member) => run(`n${member}`, 'patroni', join(folder, `n${member}.yml`))
  const asks = async (member: Member, path: string) =>
    fetch(`http://127.0.0.1:${port.rest[member]}/${path}`, { signal: AbortSignal.timeout(1000) }).then(
      ({ status }) => status === 200,
      () => false,
    )
  const those = async (path: string) => {
    const answers = await Promise.all(MEMBERS.map((member) => asks(member, path)))
    return MEMBERS.filter((_, i) => answers[i])
  }
  const isWell = async () =>
    (await those('primary')).length === 1 &&
    (await those('replica')).length === 2 &&
    (await those('synchronous')).length === 1

  const postmasterOf = (member: Member) =>
    Number(readFileSync(join(folder, `n${member}`, 'postmaster.pid'), 'utf8').split('\n')[0])
  const patroniOf = (member: Member) => children.get(`n${member}`)?.pid as number

  async function query(text: string): Promise<pg.QueryResult> {
    const client = new pg.Client(databaseUrl)
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.query(text)
    } finally {
      await client.end().catch(() => {})
    }
  }

  async function restoreDump(name: string): Promise<string> {
    const file = join(folder, `${name}.dump`)
    const restored = databaseUrl.replace(/postgres$/, name)
    await query(`create database ${name}`)
    const program = (one: string) => join(postgresBin(), one)
    execFileSync(program('pg_dump'), ['--format=custom', `--file=${file}`, databaseUrl])
    execFileSync(program('pg_restore'), ['--exit-on-error', `--dbname=${restored}`, file])
    return restored
  }

  async function lose(way: Loss): Promise<void> {
    const [primary] = (await those('primary')) as [Member]
    const postmaster = postmasterOf(primary)
    if (way === 'switchover') {
      const args = [
        '-c',
        join(folder, 'n1.yml'),
        'switchover',
        'mintmark',
        '--force',
        '--leader',
        `n${primary}`,
      ]
      run('patronictl', 'patronictl', ...args)
      await once(children.get('patronictl') as ChildProcess, 'exit')
    }
    if (way === 'postmaster') signal([postmaster], 'SIGKILL')
    if (way === 'node') signal([patroniOf(primary), postmaster], 'SIGKILL')
    if (way === 'frozen') signal([patroniOf(primary), ...childrenOf(postmaster), postmaster], 'SIGSTOP')
  }

  async function heal(): Promise<void> {
    for (const member of MEMBERS) {
      const child = children.get(`n${member}`)
      if (child?.exitCode !== null || child.signalCode !== null) startMember(member)
      else signal([child.pid as number], 'SIGCONT')
      if (!existsSync(join(folder, `n${member}`, 'postmaster.pid'))) continue
      const postmaster = postmasterOf(member)
      signal([postmaster, ...childrenOf(postmaster)], 'SIGCONT')
    }
    await until(isWell, 'three members that are well')
  }

  t.teardown(async () => {
    for (const member of MEMBERS) {
      const file = join(folder, `n${member}`, 'postmaster.pid')
      const pids = [patroniOf(member), ...(existsSync(file) ? [postmasterOf(member)] : [])]
      signal(pids.filter(Boolean), 'SIGKILL')
    }
    for (const child of children.values()) child.kill('SIGKILL')
    await sleep(500)
  })

  const databaseUrl = `postgres://postgres:failover@127.0.0.1:${port.primary}/postgres`
  writeConfigurations(folder, port, owner)
  const client = `http://127.0.0.1:${port.etcd}`
  const peer = `http://127.0.0.1:${port.peer}`
  run(
    'etcd',
    'etcd',
    ...['--name', 'one', '--data-dir', join(folder, 'etcd'), '--log-level', 'error'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer],
    ...['--initial-advertise-peer-urls', peer, '--initial-cluster', `one=${peer}`],
  )
  startMember(1)
  await until(async () => (await those('primary')).length === 1, 'a first primary')
  startMember(2)
  startMember(3)
  run('haproxy', 'haproxy', '-db', '-f', join(folder, 'haproxy.cfg'))
  run('pgbouncer', 'pgbouncer', join(folder, 'pgbouncer.ini'))
  await until(isWell, 'three members that are well')
  return {
    databaseUrl,
    readUrl: `postgres://postgres:failover@127.0.0.1:${port.replica}/postgres`,
    pooledUrl: `postgres://postgres:failover@127.0.0.1:${port.pooled}/postgres`,
    front: `http://127.0.0.1:${port.front}`,
    fronted: port.nodes,
    query,
    restoreDump,
    lose,
    heal,
  }
}

type Ports = {
  readonly [Name in 'etcd' | 'primary' | 'replica' | 'pooled' | 'front']: number
} & {
  readonly nodes: readonly number[]
  readonly postgres: Readonly<Record<Member, number>>
  readonly rest: Readonly<Record<Member, number>>
}

function writeConfigurations(folder: string, port: Ports, owner: ReturnType<typeof unprivileged>): void {
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    if (owner) chownSync(join(folder, name), owner.uid, owner.gid)
  }
  for (const member of MEMBERS) write(`n${member}.yml`, patroniYaml(folder, port, member))
  write('haproxy.cfg', haproxyConfiguration(port))
  write('users.txt', '"postgres" "failover"\n')
  write(
    'pgbouncer.ini',
    `[databases]
* = host=127.0.0.1 port=${port.primary} user=postgres password=failover
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port.pooled}
unix_socket_dir =
auth_type = plain
auth_file = ${folder}/users.txt
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
server_login_retry = 1
query_wait_timeout = 5
`,
  )
}

// The settings that docs/high-availability.md and docs/read-replicas.md are about, with short times.
function patroniYaml(folder: string, port: Ports, member: Member): string {
  return JSON.stringify({
    scope: 'mintmark',
    name: `n${member}`,
    restapi: { listen: `127.0.0.1:${port.rest[member]}`, connect_address: `127.0.0.1:${port.rest[member]}` },
    etcd3: { hosts: `127.0.0.1:${port.etcd}` },
    bootstrap: {
      dcs: {
        ttl: 20,
        loop_wait: 2,
        retry_timeout: 3,
        primary_start_timeout: 0,
        maximum_lag_on_failover: 1_048_576,
        synchronous_mode: true,
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: {
            wal_log_hints: 'on',
            max_connections: 100,
            hot_standby_feedback: 'on',
            max_standby_streaming_delay: '500ms',
          },
        },
      },
      initdb: [{ encoding: 'UTF8' }, 'data-checksums'],
    },
    postgresql: {
      listen: `127.0.0.1:${port.postgres[member]}`,
      connect_address: `127.0.0.1:${port.postgres[member]}`,
      data_dir: join(folder, `n${member}`),
      bin_dir: postgresBin(),
      pgpass: join(folder, `n${member}.pgpass`),
      pg_hba: [
        'local all all trust',
        'host all all 127.0.0.1/32 scram-sha-256',
        'host replication all 127.0.0.1/32 scram-sha-256',
      ],
      parameters: { unix_socket_directories: folder, shared_buffers: '32MB' },
      authentication: {
        superuser: { username: 'postgres', password: 'failover' },
        replication: { username: 'replicator', password: 'failover' },
        rewind: { username: 'rewinder', password: 'failover' },
      },
    },
  })
}

function haproxyConfiguration(port: Ports): string {
  const members = MEMBERS.map(
    (n) => `  server n${n} 127.0.0.1:${port.postgres[n]} check port ${port.rest[n]}`,
  )
  const nodes = port.nodes.map((at, n) => `  server node${n} 127.0.0.1:${at} check`)
  return `defaults
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  timeout check 1s
${(['primary', 'replica'] as const)
  .map(
    (role) => `listen ${role}
  mode tcp
  bind 127.0.0.1:${port[role]}
  option httpchk OPTIONS /${role}
  http-check expect status 200
  default-server inter 500ms fastinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
${members.join('\n')}`,
  )
  .join('\n')}
listen mintmark
  mode http
  bind 127.0.0.1:${port.front}
  option httpchk GET /health/live
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1
${nodes.join('\n')}
`
}

function requirePrograms(): void {
  const missing = PROGRAMS.filter((program) => {
    try {
      execFileSync('which', [program], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
      return false
    } catch {
      return true
    }
  })
  if (missing.length > 0)
    throw new Error(
      `not installed: ${missing.join(', ')}; on Debian: apt-get install patroni etcd-server haproxy postgresql pgbouncer`,
    )
}

function postgresBin(): string {
  const [newest] = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
  return `/usr/lib/postgresql/${newest}/bin`
}

function childrenOf(pid: number): number[] {
  try {
    const text = execFileSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' })
    return text.trim().split(/\s+/).map(Number)
  } catch {
    return []
  }
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended.
    }
  }
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const start = performance.now(); !(await condition()); await sleep(200))
    if (performance.now() - start > 120_000) throw new Error(`not within two minutes: ${what}`)
}
