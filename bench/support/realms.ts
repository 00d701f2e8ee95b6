import pg from 'pg'
import type { OpenedOperations } from '../../src/operations/open.ts'
import { readColumns } from './bulk-rows.ts'
import { ACTOR } from './mintmark.ts'

export const REALM = 'bench-5000'
const ACCOUNTS = 25
const DEVICES = 20

/** A realm with 25 accounts, 20 devices in a group, a grant an account, and the trail that all this left. */
export async function createRealm({ operations }: OpenedOperations): Promise<string> {
  await operations.realms.create(ACTOR, REALM, { serviceAccountLimit: 1000 })
  const group = { type: 'device_group', id: 'eu-edge' }
  const devices = Array.from({ length: DEVICES }, (_, i) => ({
    type: 'device',
    id: `d${i}`,
    groups: ['eu-edge'],
  }))
  await operations.resources.import(ACTOR, REALM, [group, ...devices])
  let clientId = ''
  for (let i = 0; i < ACCOUNTS; i++) {
    const { account } = await operations.accounts.create(ACTOR, REALM, { name: `account ${i}` })
    await operations.grants.add(ACTOR, REALM, account.clientId, { role: 'operate', ...group })
    clientId = account.clientId
  }
  return clientId
}

const TABLES = [
  'signing_keys',
  'status_indexes',
  'status_lists',
  'service_accounts',
  'never_used_accounts',
  'client_secrets',
  'protected_resources',
  'protected_resource_groups',
  'grants',
]

/** Copies that realm, with all that is in it, under other names: one before it in order, the next behind it. */
export async function copyRealm(databaseUrl: string, copies: number): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  // Copied rows refer to copied rows: checking that a million times takes minutes.
  await client.query("set session_replication_role = 'replica'")
  await client.query('set synchronous_commit = off')
  await client.query(
    `insert into realms overriding system value
     select (jsonb_populate_record(r, jsonb_build_object('id', 1000 + n, 'name', 'bench-' || (9999 - n)))).*
     from realms r, generate_series(1, $2::int) n where r.name = $1 and 9999 - n <> 5000`,
    [REALM, copies],
  )
  const columns = await readColumns(client)
  const copy = (table: string, own: Readonly<Record<string, string>>, from: string) => {
    const names = columns.get(table) ?? []
    const values = names.map((name) => own[name] ?? `t.${name}`)
    return client.query(
      `insert into ${table} (${names.join()}) overriding system value
       select ${values.join()} from ${table} t ${from} join realms c on c.id > 1000`,
      [REALM],
    )
  }
  for (const table of TABLES)
    await copy(table, { realm_id: 'c.id' }, 'join realms o on o.id = t.realm_id and o.name = $1')
  const nextId = "nextval(pg_get_serial_sequence('audit_events', 'id'))"
  const events = 'join realms o on o.name = t.realm and o.name = $1'
  await copy('audit_events', { id: nextId, realm_id: 'c.id', realm: 'c.name' }, events)
  await client.query("select setval(pg_get_serial_sequence('realms', 'id'), (select max(id) from realms))")
  await client.end()
}

export async function analyze(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query('vacuum analyze')
  await client.end()
}
