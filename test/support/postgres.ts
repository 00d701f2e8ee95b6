import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { adminUrl } from './postgres-server.ts'

const TEMPLATE = 'mintmark_test_template'

/** Made once a run: copying it is faster than migrating for each test file. */
export async function makeTemplate(): Promise<void> {
  await admin(`drop database if exists ${TEMPLATE}`)
  await admin(`create database ${TEMPLATE}`)
  await migrateToLatest(adminUrl(TEMPLATE))
  await shrinkTemplate()
}

/** A seventh of the files to copy are maps of free space in the catalogs. Our own tables stay as migrations leave them. */
async function shrinkTemplate(): Promise<void> {
  await inTemplate(async (client) => {
    const { rows } =
      await client.query(`select string_agg(oid::regclass::text, ', ') as catalogs from pg_class
      where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r'`)
    await client.query(`vacuum full ${rows[0].catalogs}`)
  })
  // It keeps in a file what each new connection reads first.
  await inTemplate((client) => client.query('select'))
}

async function inTemplate(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client(adminUrl(TEMPLATE))
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** The address of a database of this test file's own, migrated unless told otherwise, dropped when it ends. */
export async function testDatabase(t: Test, { migrate = true } = {}): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  // Copying files is a third of the work of copying pages through the buffers.
  await admin(`create database ${name} template ${migrate ? TEMPLATE : 'template0'} strategy file_copy`)
  t.teardown(() => admin(`drop database if exists ${name} with (force)`))
  return adminUrl(name)
}

/** Ends all connections to a database and lets none in until the returned function is called. */
export async function cutDatabase(databaseUrl: string): Promise<() => Promise<void>> {
  const name = new URL(databaseUrl).pathname.slice(1)
  await admin(`alter database ${name} allow_connections false`)
  // Until each has ended, so that the clients hear of it before the next answer of this connection.
  await admin(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${name}'`)
  return () => admin(`alter database ${name} allow_connections true`)
}

/** Waits until so many sessions wait for what another one has locked; returns their numbers. */
export async function untilLocked(databaseUrl: string, count: number): Promise<number[]> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    for (;;) {
      const { rows } = await client.query(`select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`)
      if (rows.length === count) return rows.map(({ pid }) => pid)
      await sleep(10)
    }
  } finally {
    await client.end()
  }
}

// Its types leave these two out.
type Client = pg.Client & Record<'ref' | 'unref', () => void>

interface Administrator {
  readonly client: Client
  asked: number
}

// One for the process: a connection costs a third of a copy.
let administrator: Promise<Administrator> | undefined

async function admin(statement: string): Promise<void> {
  administrator ??= connectAdministrator()
  const connected = await administrator
  // It keeps the process alive only while it is asked.
  if (connected.asked++ === 0) connected.client.ref()
  try {
    // Two copies of one template wait for each other.
    await connected.client.query(statement)
  } finally {
    if (--connected.asked === 0) connected.client.unref()
  }
}

async function connectAdministrator(): Promise<Administrator> {
  const client = new pg.Client(adminUrl()) as Client
  const forget = () => {
    administrator = undefined
  }
  client.on('error', forget).on('end', forget)
  try {
    await client.connect()
  } catch (error) {
    forget()
    throw error
  }
  client.unref()
  return { client, asked: 0 }
}
