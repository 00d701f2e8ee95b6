import pg from 'pg'
import type { Test } from 'tap'
import { testDatabase } from './postgres.ts'

/** The table of clients as Hydra 2.3 has it in PostgreSQL, without what it has for logging people in and out. */
const TABLE = `
  create table hydra_client (
    id varchar(255) not null,
    nid uuid not null,
    client_name text not null default '',
    client_secret text not null,
    client_secret_expires_at integer not null default 0,
    scope text not null default '',
    owner text not null default '',
    client_uri text not null default '',
    contacts jsonb not null default '[]',
    redirect_uris jsonb not null default '[]',
    audience jsonb not null default '[]',
    grant_types jsonb not null default '["client_credentials"]',
    token_endpoint_auth_method varchar(25) not null default 'client_secret_basic',
    jwks text not null default '{}',
    jwks_uri text not null default '',
    metadata text not null default '{}',
    access_token_strategy varchar(10) not null default '',
    client_credentials_grant_access_token_lifespan bigint,
    created_at timestamp not null default now(),
    primary key (id, nid)
  )`

export const HYDRA_NETWORK = 'd9884476-b00e-44c5-bb8e-96089395e289'

/** Secrets, and what Hydra 2.3 made of them with each of its hashers. */
export const HYDRA_SECRETS = {
  pbkdf2: {
    secret: 'secret-of-a-123',
    hash: '$pbkdf2-sha256$i=25000,l=32$5R49MChxG9yKmJnTe45JcQ$G+8X5BORmSRGl+UBGcyRjHhWz87NV0rxhWg2PHQBbtA',
  },
  bcrypt: {
    secret: 'secret-of-b-123',
    hash: '$2a$08$iwFBEEILu2F1g4I8K2HWFe2kKJBUQOD.kM3TlRfnP5VFjXiRH4QNW',
  },
} as const

type Row = Readonly<Record<string, unknown>> & { readonly id: string }

export interface HydraTestDatabase {
  readonly dsn: string
  insert(...rows: readonly Row[]): Promise<void>
  run(statement: string): Promise<void>
}

/** A database with the clients of a Hydra, gone when the test ends. */
export async function hydraDatabase(t: Test): Promise<HydraTestDatabase> {
  const url = await testDatabase(t, { migrate: false })
  async function query(statement: string, values: unknown[] = []): Promise<void> {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(statement, values).finally(() => client.end())
  }
  await query(TABLE)
  return {
    dsn: url,
    run: (statement) => query(statement),
    async insert(...rows) {
      for (const one of rows) {
        const row: Row = { nid: HYDRA_NETWORK, client_secret: HYDRA_SECRETS.pbkdf2.hash, ...one }
        const values = Object.values(row).map((value) =>
          typeof value === 'object' ? JSON.stringify(value) : value,
        )
        const places = values.map((_, n) => `$${n + 1}`)
        await query(`insert into hydra_client (${Object.keys(row)}) values (${places})`, values)
      }
    },
  }
}
