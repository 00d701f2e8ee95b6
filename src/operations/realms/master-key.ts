import { generateDataKey } from '../../crypto/data-key.ts'
import type { Actor } from '../../domain/actor.ts'
import { done, PLATFORM_TRAIL } from '../../domain/audit-event.ts'
import { requirePlatformAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { lockDataKeys, updateDataKey } from '../../storage/data-keys.ts'
import { type DatabaseTransaction, inTransaction } from '../../storage/database.ts'
import {
  deleteMasterKeyHolder,
  findServersWithout,
  upsertMasterKeyHolder,
} from '../../storage/master-key-holders.ts'
import { lockSealedSigningKeys, updateSealedSigningKey } from '../../storage/signing-keys.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { dataKeyContext, PORTAL_KEY } from './data-keys.ts'
import type { Realms } from './realms.ts'
import { signingKeyContext } from './sealed-keys.ts'
import type { SigningKeys } from './signing-keys.ts'

const PAGE = 200

export interface ReplacedKeys {
  readonly realms: number
  readonly signingKeys: number
  readonly portalSessions: number
}

interface Others {
  readonly realms: Pick<Realms, 'list'>
  readonly signingKeys: Pick<SigningKeys, 'list' | 'revoke'>
  readonly portal: { endSessions(actor: Actor, realm: string, subject: string | undefined): Promise<number> }
}

type Deps = Pick<Dependencies, 'db' | 'sealer' | 'clock' | 'refusals'>

export type MasterKey = ReturnType<typeof masterKey>

export function masterKey(deps: Deps, others: Others) {
  const { db, sealer, clock, refusals } = deps
  const reseal = (sealed: string, context: string) =>
    sealer.isCurrent(sealed) ? undefined : sealer.seal(sealer.open(sealed, context), context)

  function record(trx: DatabaseTransaction, actor: Actor, details: Record<string, unknown>): Promise<void> {
    const event = done(actor, 'master-key.rotate', undefined, details)
    return insertAuditEvent(trx, PLATFORM_TRAIL, event, clock())
  }

  function change<T>(actor: Actor, work: (trx: DatabaseTransaction) => Promise<T>): Promise<T> {
    return inChange(deps, { actor, permit: requirePlatformAuthority }, async ({ trx, checkVersion }) => {
      checkVersion(null, 'the keys')
      return work(trx)
    })
  }

  /** Seals a page of signing keys anew. Returns how many that were, and where the next page begins. */
  async function resealPage(trx: DatabaseTransaction, after: { realmId: string; kid: string }) {
    const rows = await lockSealedSigningKeys(trx, after, PAGE)
    let resealed = 0
    for (const row of rows) {
      const sealedPrivateJwk = reseal(row.sealedPrivateJwk, signingKeyContext(row.realmId, row))
      if (sealedPrivateJwk === undefined) continue
      await updateSealedSigningKey(trx, { ...row, sealedPrivateJwk })
      resealed++
    }
    return { resealed, next: rows.length === PAGE ? rows.at(-1) : undefined }
  }

  async function resealDataKeys(trx: DatabaseTransaction): Promise<number> {
    let resealed = 0
    for (const { purpose, sealedKey } of await lockDataKeys(trx)) {
      const sealed = reseal(sealedKey, dataKeyContext(purpose))
      if (sealed === undefined) continue
      await updateDataKey(trx, purpose, sealed)
      resealed++
    }
    return resealed
  }

  /** @throws Refusal `conflict` where a running server could not open what is sealed under the first master key */
  async function requireEveryServer(): Promise<void> {
    const without = await findServersWithout(db, sealer.keyIds[0])
    if (without.length === 0) return
    throw new Refusal(
      'conflict',
      `These servers do not have the first master key of this command: ${without.join(', ')}. Give it to them and restart them (mintmark master-key --help, step 1). A server that was killed counts for three minutes.`,
    )
  }

  async function replaceInRealm(
    actor: Actor,
    realm: string,
  ): Promise<readonly [keys: number, sessions: number]> {
    const keys = await others.signingKeys.list(actor, realm)
    // Revoking the current key lets the next one sign, which is then revoked, too: so a new one is made first.
    for (const { kid } of keys) await others.signingKeys.revoke(actor, realm, kid).catch(ifGone)
    return [keys.length, await others.portal.endSessions(actor, realm, undefined)]
  }

  return {
    /** Says that a running server opens with these master keys; to be repeated within three minutes. */
    announce: (node: string, address: string): Promise<void> =>
      upsertMasterKeyHolder(db, { node, address, keyIds: sealer.keyIds }),

    /** The server stops. */
    withdraw: (node: string): Promise<void> => deleteMasterKeyHolder(db, node),

    /**
     * Seals all keys again under the first master key. Returns how many were under another one.
     * @throws Refusal `conflict` where a running server does not have that key
     */
    rotate(actor: Actor): Promise<number> {
      return refusals.ofChange({ actor, action: 'master-key.rotate' }, async () => {
        requirePlatformAuthority(actor)
        await requireEveryServer()
        // Before the first page, so that an interrupted rotation leaves an event, too.
        await change(actor, (trx) => record(trx, actor, { stage: 'started' }))
        let total = 0
        let after: { realmId: string; kid: string } | undefined = { realmId: '0', kid: '' }
        while (after) {
          const from: { realmId: string; kid: string } = after
          const { resealed, next } = await change(actor, (trx) => resealPage(trx, from))
          total += resealed
          after = next
        }
        return change(actor, async (trx) => {
          total += await resealDataKeys(trx)
          await record(trx, actor, { stage: 'finished', resealed: total })
          return total
        })
      })
    },

    /**
     * Replaces everything that a copy of the database and its master key give away: every realm gets a new signing key, old
     * keys are revoked, all people are signed out, and the portal gets a new key. Can be repeated.
     * @throws Refusal `forbidden`
     */
    async replaceCompromised(actor: Actor): Promise<ReplacedKeys> {
      requirePlatformAuthority(actor)
      let [realms, signingKeys, portalSessions] = [0, 0, 0]
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { items, next } = await others.realms.list(actor, { after, limit: PAGE })
        for (const { name } of items) {
          const [keys, sessions] = (await replaceInRealm(actor, name).catch(ifGone)) ?? [0, 0]
          realms++
          signingKeys += keys
          portalSessions += sessions
        }
        after = next
      }
      const replaced = { realms, signingKeys, portalSessions }
      await inTransaction(db, async (trx) => {
        await updateDataKey(trx, PORTAL_KEY, sealer.seal(generateDataKey(), dataKeyContext(PORTAL_KEY)))
        await record(trx, actor, { after_compromise: true, ...replaced })
      })
      return replaced
    },
  }
}

/** The schedule, another run or the realm's deletion was faster. */
function ifGone(error: unknown): void {
  if (!(error instanceof Refusal) || error.code !== 'not_found') throw error
}
