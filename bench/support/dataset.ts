import type { KeyObject } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { crc32 } from 'node:zlib'
import pg from 'pg'
import { boundHmacOf, hmacOf } from '../../src/crypto/client-secret.ts'
import { createSealer, type Sealer } from '../../src/crypto/sealing.ts'
import { generateSigningKey } from '../../src/crypto/signing.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { openVerifierKey } from '../../src/operations/realms/data-keys.ts'
import { signingKeyContext } from '../../src/operations/realms/sealed-keys.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { dropIndexes, readColumns } from './bulk-rows.ts'
import { type Client, createClient, MASTER_KEY, openAdministration } from './mintmark.ts'

/** Many accounts in many realms, each with a secret and each realm with a key of its own. */
export interface Dataset {
  readonly databaseUrl: string
  readonly size: number
  clientAt(index: number): Client
}

export interface DatasetSize {
  readonly accounts: number
  readonly realms: number
}

const CHUNK = 50_000

/** Loads by SQL what the server itself would have written, copying the rows of one account that it did write. */
export async function loadDataset(databaseUrl: string, { accounts, realms }: DatasetSize): Promise<Dataset> {
  const administration = await openAdministration(databaseUrl)
  await createClient(administration, realmName(0), { serviceAccountLimit: 10_000_000 })
  await administration.close()
  const { sealer, verifierKey } = await openKeys(databaseUrl)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    // Foreign keys hold by how the rows are made.
    await client.query(
      "set session_replication_role = replica; set synchronous_commit = off; set maintenance_work_mem = '256MB'",
    )
    await insertRealms(client, realms)
    await insertKeys(client, sealer, realms)
    const restoreIndexes = await dropIndexes(client, ['service_accounts', 'client_secrets'])
    const columns = await readColumns(client)
    for (let from = 0; from < accounts; from += CHUNK) {
      const part = { from, to: Math.min(from + CHUNK, accounts), realms }
      await insertAccounts(client, { verifierKey, columns }, part)
    }
    await restoreIndexes()
    await client.query('vacuum analyze')
    await client.query('checkpoint')
  } finally {
    await client.end()
  }
  return { databaseUrl, size: accounts, clientAt: (index) => clientAt(index, realms) }
}

async function openKeys(databaseUrl: string): Promise<{ sealer: Sealer; verifierKey: KeyObject }> {
  const sealer = createSealer([Buffer.from(MASTER_KEY, 'base64url')])
  const db = openDatabase({ connectionString: databaseUrl, poolSize: 1, onIdleError: () => {} })
  const verifierKey = await openVerifierKey(db, sealer, systemClock)
  await db.destroy()
  return { sealer, verifierKey }
}

async function insertRealms(client: pg.Client, realms: number): Promise<void> {
  await client.query(
    `insert into realms overriding system value
     select made.* from realms r, generate_series(1, $1::int - 1) n,
       jsonb_populate_record(r, jsonb_build_object('id', 1000 + n, 'name', 'r-' || n)) made
     where r.name = 'r-0'`,
    [realms],
  )
}

async function insertKeys(client: pg.Client, sealer: Sealer, realms: number): Promise<void> {
  const page = 250 * availableParallelism()
  for (let from = 1; from < realms; from += page) {
    const numbers = Array.from({ length: Math.min(page, realms - from) }, (_, i) => from + i)
    const keys = await Promise.all(
      numbers.map(async (n) => {
        const { kid, publicJwk, privateJwk } = await generateSigningKey('ES256')
        const context = signingKeyContext(String(1000 + n), { kid, algorithm: 'ES256' })
        const sealed = sealer.seal(privateJwk, context)
        return { realm: realmName(n), kid, public_jwk: publicJwk, sealed_private_jwk: sealed }
      }),
    )
    await client.query(
      `insert into signing_keys
       select made.* from jsonb_array_elements($1::jsonb) k join realms r on r.name = k->>'realm',
         (select s.* from signing_keys s join realms first on first.id = s.realm_id
          where first.name = 'r-0' and s.state = 'current') template,
         jsonb_populate_record(null::signing_keys,
           to_jsonb(template) || k || jsonb_build_object('realm_id', r.id)) made`,
      [JSON.stringify(keys)],
    )
  }
}

interface Part {
  readonly from: number
  readonly to: number
  readonly realms: number
}

/** How to make what a million rows have in common. */
interface Making {
  readonly verifierKey: KeyObject
  /** By table. */
  readonly columns: ReadonlyMap<string, readonly string[]>
}

async function insertAccounts(
  client: pg.Client,
  { verifierKey, columns }: Making,
  part: Part,
): Promise<void> {
  const indices = Array.from({ length: part.to - part.from }, (_, i) => part.from + i)
  const hmacs = indices.map((i) => hmacOf(secretOf(i), verifierKey))
  const realmIds = await realmIdsByName(client)
  const idOf = (i: number) => realmIds.get(realmName(i % part.realms)) as string
  const bound = indices.map((i) =>
    boundHmacOf(secretOf(i), { realmId: idOf(i), clientId: clientIdOf(i) }, verifierKey),
  )
  const values = [indices, indices.map(clientIdOf), indices.map(idOf), hmacs, bound]
  const rows =
    'unnest($1::int[], $2::text[], $3::bigint[], $4::bytea[], $5::bytea[]) as a(n, client_id, realm_id, hmac, bound)'
  const insert = (table: string, own: Readonly<Record<string, string>>, template: string) => {
    const names = columns.get(table) ?? []
    return client.query(
      `insert into ${table} (${names.join()})
       select ${names.map((name) => own[name] ?? `template.${name}`).join()}
       from ${rows}, (${template}) template`,
      values,
    )
  }
  await insert(
    'service_accounts',
    {
      realm_id: 'a.realm_id',
      client_id: 'a.client_id',
      name: "'account ' || a.n",
      name_key: "'account ' || a.n",
      // The realm's next.
      status_index: `1 + a.n / ${part.realms}`,
    },
    `select s.* from service_accounts s join realms r on r.id = s.realm_id
     where r.name = 'r-0' and s.name = 'bench'`,
  )
  await insert(
    'client_secrets',
    { realm_id: 'a.realm_id', client_id: 'a.client_id', hmac: 'a.hmac', bound_hmac: 'a.bound' },
    `select s.* from client_secrets s join realms r on r.id = s.realm_id
     where r.name = 'r-0' order by s.created_at limit 1`,
  )
}

async function realmIdsByName(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; name: string }>('select id, name from realms')
  return new Map(rows.map(({ id, name }) => [name, id]))
}

function clientAt(index: number, realms: number): Client {
  return { realm: realmName(index % realms), clientId: clientIdOf(index), clientSecret: secretOf(index) }
}

function realmName(index: number): string {
  return `r-${index}`
}

function clientIdOf(index: number): string {
  return `sa_${index.toString(16).padStart(30, '0')}`
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A secret in the server's own format, with its checksum. */
function secretOf(index: number): string {
  const body = `mm_${String(index).padStart(43, '0')}`
  let checksum = ''
  for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62))
    checksum = BASE62[rest % 62] + checksum
  return body + checksum
}
