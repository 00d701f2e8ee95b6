import { generateDataKey } from '../../crypto/data-key.ts'
import type { Actor } from '../../domain/actor.ts'
import { requirePlatformAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { updateDataKey } from '../../storage/data-keys.ts'
import { inTransaction } from '../../storage/database.ts'
import type { Dependencies } from '../dependencies.ts'
import { dataKeyContext, PORTAL_KEY } from './master-key.ts'
import type { RealmOperations } from './realms.ts'
import type { SigningKeyOperations } from './signing-keys.ts'

export interface ReplacedKeys {
  readonly realms: number
  readonly signingKeys: number
  readonly portalSessions: number
}

export interface CompromiseOperations {
  /**
   * Replaces what somebody can use who has a copy of the database and a master key of it: every realm gets a new signing
   * key, its old ones are revoked, all people are signed out, and the portal gets a new key. May be repeated.
   * @throws Refusal `forbidden`
   */
  replaceCompromisedKeys(actor: Actor): Promise<ReplacedKeys>
}

interface Others
  extends Pick<RealmOperations, 'listRealms'>,
    Pick<SigningKeyOperations, 'listSigningKeys' | 'revokeSigningKey'> {
  endPortalSessions(actor: Actor, realmName: string, subject: string | undefined): Promise<number>
}

const PAGE = 200

export function compromiseOperations(
  { db, clock, sealer }: Pick<Dependencies, 'db' | 'clock' | 'sealer'>,
  operations: Others,
): CompromiseOperations {
  async function replaceInRealm(
    actor: Actor,
    realm: string,
  ): Promise<readonly [keys: number, sessions: number]> {
    const keys = await operations.listSigningKeys(actor, realm)
    // The revocation of the current key lets the next one sign, which is then revoked too: a new one is made for it.
    for (const { kid } of keys) await operations.revokeSigningKey(actor, realm, kid).catch(ifGone)
    return [keys.length, await operations.endPortalSessions(actor, realm, undefined)]
  }

  return {
    async replaceCompromisedKeys(actor) {
      requirePlatformAuthority(actor)
      let [realms, signingKeys, portalSessions] = [0, 0, 0]
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { items, next } = await operations.listRealms(actor, { after, limit: PAGE })
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
        const details = { after_compromise: true, ...replaced }
        const event = {
          actor,
          action: 'master-key.rotate',
          target: undefined,
          outcome: 'done',
          details,
        } as const
        await insertAuditEvent(trx, { id: undefined, name: undefined }, event, clock())
      })
      return replaced
    },
  }
}

/** A schedule, another run or the deletion of the realm was faster. */
function ifGone(error: unknown): void {
  if (!(error instanceof Refusal) || error.code !== 'not_found') throw error
}
