import { sql } from 'kysely'
import type { Database } from './database.ts'

/** A network from which a client proved its secret. */
export interface ClientNetwork {
  readonly realmId: string
  readonly clientId: string
  /** Slot of the network among the networks of its client. */
  readonly slot: number
  readonly network: string
}

/** Returns for each network, in the order given, whether it is known. */
export async function areNetworksKnown(db: Database, networks: readonly ClientNetwork[]): Promise<boolean[]> {
  const column = <K extends keyof ClientNetwork>(name: K) => networks.map((network) => network[name])
  const { rows } = await sql<{ n: number }>`
    select a.n::int as n
    from unnest(
      ${column('realmId')}::bigint[], ${column('clientId')}::text[], ${column('slot')}::smallint[],
      ${column('network')}::text[]
    ) with ordinality as a(realm_id, client_id, slot, network, n)
    join client_networks k using (realm_id, client_id, slot, network)
  `.execute(db)
  const known = new Array<boolean>(networks.length).fill(false)
  for (const { n } of rows) known[n - 1] = true
  return known
}

/** Stores a network, and refreshes its time once a day. */
export async function insertClientNetwork(
  db: Database,
  { realmId, clientId, slot, network }: ClientNetwork,
  now: Date,
): Promise<void> {
  await sql`
    insert into client_networks as k (realm_id, client_id, slot, network, seen_at)
    values (${realmId}, ${clientId}, ${slot}, ${network}, ${now})
    on conflict (realm_id, client_id, slot) do update
    set network = excluded.network, seen_at = excluded.seen_at
    where k.network <> excluded.network or k.seen_at < excluded.seen_at - interval '1 day'
  `.execute(db)
}

/** Deletes at most `limit` rows. Returns how many it deleted. */
export async function deleteClientNetworksSeenBefore(
  db: Database,
  time: Date,
  limit: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from client_networks where ctid in (
      select ctid from client_networks where seen_at < ${time} limit ${limit} for update skip locked)
  `.execute(db)
  return Number(numAffectedRows)
}
