import { importVerifierKey, type VerifierKey } from '../../crypto/client-secret.ts'
import { generateDataKey } from '../../crypto/data-key.ts'
import { createPortalSealer, type PortalSealer } from '../../crypto/portal-token.ts'
import { type Sealer, WrongMasterKeyError } from '../../crypto/sealing.ts'
import type { Actor } from '../../domain/actor.ts'
import { requirePlatformAuthority } from '../../domain/authority.ts'
import type { Clock } from '../../domain/clock.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { findDataKey, insertDataKey, lockDataKeys, updateDataKey } from '../../storage/data-keys.ts'
import type { Database, DatabaseTransaction } from '../../storage/database.ts'
import { lockSealedSigningKeys, updateSealedSigningKey } from '../../storage/signing-keys.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { signingKeyContext } from './sealed-keys.ts'

const VERIFIER_KEY = 'client-secret-verifier'
export const PORTAL_KEY = 'portal'
const PAGE = 200

export interface MasterKeyOperations {
  /** Seals all keys anew under the first master key, and says how many were under another. */
  rotateMasterKey(actor: Actor): Promise<number>
}

/**
 * The key of the HMAC that generated secrets are checked against: random, made once, kept sealed. Were it derived from
 * the master key instead, that one could never be replaced.
 * @throws WrongMasterKeyError
 */
export async function openVerifierKey(db: Database, sealer: Sealer, clock: Clock): Promise<VerifierKey> {
  return importVerifierKey(await openDataKey(db, sealer, clock, VERIFIER_KEY))
}

/**
 * What the portal's cookies are sealed with, the same on every node.
 * @throws WrongMasterKeyError
 */
export async function openPortalSealer(db: Database, sealer: Sealer, clock: Clock): Promise<PortalSealer> {
  return createPortalSealer(await openDataKey(db, sealer, clock, PORTAL_KEY))
}

async function openDataKey(db: Database, sealer: Sealer, clock: Clock, purpose: string): Promise<Uint8Array> {
  const sealed = await findDataKey(db, purpose)
  const context = dataKeyContext(purpose)
  if (sealed !== undefined) return sealer.open(sealed, context)
  await insertDataKey(db, purpose, sealer.seal(generateDataKey(), context), clock())
  const kept = await findDataKey(db, purpose)
  if (kept === undefined) throw new WrongMasterKeyError(`the key ${purpose} is gone`)
  return sealer.open(kept, context)
}

/** What a data key is sealed for. */
export function dataKeyContext(purpose: string): string {
  return `data_keys ${purpose}`
}

export function masterKeyOperations(
  deps: Pick<Dependencies, 'db' | 'sealer' | 'clock'>,
): MasterKeyOperations {
  const { sealer, clock } = deps
  const reseal = (sealed: string, context: string) =>
    sealer.isCurrent(sealed) ? undefined : sealer.seal(sealer.open(sealed, context), context)

  function record(trx: DatabaseTransaction, actor: Actor, details: Record<string, unknown>): Promise<void> {
    const event = {
      actor,
      action: 'master-key.rotate',
      target: undefined,
      outcome: 'done',
      details,
    } as const
    return insertAuditEvent(trx, { id: undefined, name: undefined }, event, clock())
  }

  return {
    async rotateMasterKey(actor) {
      const by = { actor, permit: requirePlatformAuthority }
      // Before the first page: a rotation that is cut short leaves a line, too.
      await inChange(deps, by, async ({ trx, checkVersion }) => {
        checkVersion(null, 'the keys')
        await record(trx, actor, { stage: 'started' })
      })
      let resealed = 0
      let after = { realmId: '0', kid: '' }
      for (let page = PAGE; page === PAGE; ) {
        const keys = await inChange(deps, by, async ({ trx, checkVersion }) => {
          checkVersion(null, 'the keys')
          const rows = await lockSealedSigningKeys(trx, after, PAGE)
          for (const row of rows) {
            const sealedPrivateJwk = reseal(row.sealedPrivateJwk, signingKeyContext(row.realmId, row))
            if (sealedPrivateJwk === undefined) continue
            await updateSealedSigningKey(trx, { ...row, sealedPrivateJwk })
            resealed++
          }
          return rows
        })
        page = keys.length
        after = keys.at(-1) ?? after
      }
      await inChange(deps, by, async ({ trx, checkVersion }) => {
        checkVersion(null, 'the keys')
        for (const { purpose, sealedKey } of await lockDataKeys(trx)) {
          const sealed = reseal(sealedKey, dataKeyContext(purpose))
          if (sealed === undefined) continue
          await updateDataKey(trx, purpose, sealed)
          resealed++
        }
        await record(trx, actor, { stage: 'finished', resealed })
      })
      return resealed
    },
  }
}
