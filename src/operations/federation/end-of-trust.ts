import { SERVER_ACTOR } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { READERS_MAY_LAG, waitForReaders } from '../../storage/commit-waits.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { insertForeignTokenEnds } from '../../storage/foreign-keys.ts'
import { inRealmTransaction } from '../../storage/realm-transactions.ts'
import { updateStatusIndexesRetired } from '../../storage/status-lists.ts'
import {
  deleteIdentitiesOfIssuer,
  finishTrustEnding,
  listTrustEndings,
  lockBoundAccounts,
  lockTrustEnding,
  updateStatusIndexes,
  updateTrustEnding,
} from '../../storage/trust-endings.ts'
import { findTrustedIssuer } from '../../storage/trusted-issuers.ts'
import { takeStatusIndexes } from '../accounts/status-indexes.ts'
import type { Dependencies } from '../dependencies.ts'
import { shareRealmNamed } from '../realms/named-realm.ts'

/** Accounts of a transaction: few enough to hold back no change for long. */
const BATCH = 500

/** How long a change of an issuer waits for its end. */
const PATIENCE_MILLISECONDS = 8000

/** Issuers that the job finishes in one go. */
const ISSUERS = 10

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log'>

export type EndOfTrust = ReturnType<typeof endOfTrust>

/**
 * The tokens that accounts got from an issuer end with its trust. The issuer itself has ended before, in a transaction of
 * its own: a request that began earlier gets a token with an index that ends here.
 */
export function endOfTrust(deps: Deps, patienceMilliseconds = PATIENCE_MILLISECONDS) {
  const { db, clock, log } = deps

  /** Returns whether there may be more. */
  function endSome(realmName: string, id: string): Promise<boolean> {
    return inRealmTransaction(
      db,
      realmName,
      async (trx) => {
        const realm = await shareRealmNamed(trx, realmName)
        const issuer = await lockTrustEnding(trx, realm.id, id)
        if (!issuer) return false
        const after = { id, after: issuer.endedUpTo }
        const accounts = await lockBoundAccounts(trx, realm.id, after, BATCH)
        if (accounts.length === 0) {
          await finishTrustEnding(trx, realm.id, id, issuer.ending)
          return false
        }
        const now = clock()
        const clientIds = accounts.map(({ clientId }) => clientId)
        const indexes = await takeStatusIndexes(trx, realm, accounts.length)
        const renewed = clientIds.map((clientId, at) => ({ clientId, statusIndex: indexes[at] as number }))
        await updateStatusIndexes(trx, realm.id, renewed)
        if (issuer.ending === 'delete') await deleteIdentitiesOfIssuer(trx, realm.id, id, clientIds)
        await updateTrustEnding(trx, realm.id, id, clientIds.at(-1) as string)
        const details = { issuer: issuer.issuer, because: issuer.ending, service_accounts: accounts.length }
        const event = done(SERVER_ACTOR, 'trusted-issuer.end-tokens', id, details)
        await insertAuditEvent(trx, realm, event, now)
        await retire(trx, realm.id, accounts, now)
        return true
      },
      READERS_MAY_LAG,
    )
  }

  async function endAll(realmName: string, id: string): Promise<void> {
    try {
      while (await endSome(realmName, id));
      await waitForReaders(db)
    } catch (error) {
      // The realm is gone, and all of it with it.
      if (error instanceof Refusal) return
      log(
        `tokens of trusted issuer ${id} of realm ${realmName} have not all ended yet; the server will try again`,
        error as Error,
      )
    }
  }

  return {
    /**
     * Ends what the issuer's change ends, and answers when that is done, or when it takes long; then it goes on by itself.
     * @returns the issuer as it is then; `undefined`: it is gone
     */
    async finish(
      realm: Pick<Realm, 'id' | 'name'>,
      { id, ending }: TrustedIssuer,
    ): Promise<TrustedIssuer | undefined> {
      const { promise: patience, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, patienceMilliseconds)
      if (ending) await Promise.race([endAll(realm.name, id), patience])
      clearTimeout(timer)
      return findTrustedIssuer(db, realm.id, id)
    },

    /** Finishes what a node began that has stopped since. Returns whether there may be more. */
    async finishOthers(): Promise<boolean> {
      const found = await listTrustEndings(db, ISSUERS)
      for (const { realm, id } of found) await endAll(realm, id)
      return found.length === ISSUERS
    },
  }
}

async function retire(
  trx: DatabaseTransaction,
  realmId: string,
  accounts: readonly { readonly clientId: string; readonly statusIndex: number }[],
  now: Date,
): Promise<void> {
  const indexes = accounts.map(({ statusIndex }) => statusIndex)
  const clientIds = accounts.map(({ clientId }) => clientId)
  await insertForeignTokenEnds(trx, realmId, clientIds, now)
  await updateStatusIndexesRetired(trx, realmId, indexes, now)
}
