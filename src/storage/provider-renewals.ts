import { sql } from 'kysely'
import type { Access } from '../domain/authority.ts'
import type { Database } from './database.ts'

/**
 * Lets one process renew the provider's tokens of a session for a number of seconds, by the database's clock. Fails while
 * another process renews them, or when the tokens are not those that the caller read.
 */
export async function claimProviderRenewal(
  db: Database,
  idHash: string,
  sealedProviderGrant: string,
  seconds: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update portal_sessions set renewing_until = clock_timestamp() + make_interval(secs => ${seconds})
    where id_hash = ${idHash} and sealed_provider_grant = ${sealedProviderGrant}
      and (renewing_until is null or renewing_until <= clock_timestamp())
  `.execute(db)
  return numAffectedRows === 1n
}

/** What the provider says of a person, and their tokens. */
interface ProviderAnswer {
  readonly access: Access
  readonly platform: boolean
  readonly sealedProviderGrant: string
}

/** Stores the provider's answer, if the tokens are still those that the caller read. */
export async function updateProviderGrant(
  db: Database,
  idHash: string,
  before: string,
  { sealedProviderGrant, ...given }: ProviderAnswer,
): Promise<void> {
  await db
    .updateTable('portal_sessions')
    .set({ ...given, sealed_provider_grant: sealedProviderGrant, renewing_until: null })
    .where('id_hash', '=', idHash)
    .where('sealed_provider_grant', '=', before)
    .execute()
}

export async function releaseProviderRenewal(db: Database, idHash: string): Promise<void> {
  await db
    .updateTable('portal_sessions')
    .set({ renewing_until: null })
    .where('id_hash', '=', idHash)
    .execute()
}
