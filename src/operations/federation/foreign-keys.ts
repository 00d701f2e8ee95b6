import { foreignKeyMac, hasPrivateKey } from '../../crypto/foreign-key.ts'
import { KeySetError, readKeySet } from '../../crypto/published-keys.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import {
  checkEnd,
  checkForeignKid,
  checkOldIssuer,
  type ForeignKey,
  foreignKeyText,
  MAX_FOREIGN_KEYS,
} from '../../domain/foreign-key.ts'
import { parseKeyAddress } from '../../domain/key-address.ts'
import { platformAlgorithmsOf } from '../../domain/platform-algorithm.ts'
import { issuerOf, type Realm, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { deleteForeignKey, insertForeignKeys, listForeignKeys } from '../../storage/foreign-keys.ts'
import { updateRealmVersion } from '../../storage/realms.ts'
import { listSigningKeys } from '../../storage/signing-keys.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed, realmNamed } from '../realms/named-realm.ts'
import { guardedFetch } from './guarded-fetch.ts'
import { KeyFetchError } from './key-fetch-error.ts'

const MAX_BYTES = 256 * 1024
const TIMEOUT_MILLISECONDS = 5000

/** Keys to publish: the set itself, or where it is fetched from, once. */
export interface SentForeignKeys {
  readonly jwks?: unknown
  readonly jwksUri?: string | undefined
  /** `iss` of the old tokens; default: the realm's own issuer. */
  readonly issuer?: string | undefined
  readonly until: Date
}

export interface PublishedForeignKeys {
  readonly keys: readonly ForeignKey[]
  /** Keys of the set that were left out, and why. */
  readonly notes: readonly string[]
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'verifierKey' | 'publicUrl' | 'refusals' | 'keyFetching'>

export type ForeignKeys = ReturnType<typeof foreignKeys>

/** Public keys of the server that a realm was moved from. */
export function foreignKeys(deps: Deps) {
  const { db, clock, refusals } = deps
  return {
    /** @throws Refusal `forbidden`, `not_found` */
    list(actor: Actor, realmName: string): Promise<readonly ForeignKey[]> {
      return refusals.ofRead({ actor, action: 'key.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        return listForeignKeys(db, (await realmNamed(db, realmName)).id)
      })
    },

    /**
     * Publishes the public keys of a set until a time; a key that is there already gets the new end. For platform
     * administrators: the holder of the private half speaks for the realm to APIs that validate by JWKS.
     * @throws Refusal `forbidden`, `not_found`, `invalid`, `conflict`, `limit_reached`
     */
    publish(actor: Actor, realmName: string, sent: SentForeignKeys): Promise<PublishedForeignKeys> {
      const permit = (by: Actor) => {
        requireAuthority(by, realmName, 'administer')
        requirePlatformAuthority(by)
      }
      return refusals.ofChange({ actor, action: 'key.publish-foreign', realm: realmName }, async () => {
        permit(actor)
        const issuer = sent.issuer ?? issuerOf(deps.publicUrl, realmName)
        checkOldIssuer(issuer)
        checkEnd(sent.until, clock())
        if (realmName === SYSTEM_REALM)
          throw new Refusal('invalid', 'Realm system takes no keys of another server.', 'realm')
        const { keys, notes } = readSet(await setOf(deps, sent), {
          issuer,
          endsAt: sent.until,
          publishedAt: clock(),
        })
        return inChange(deps, { actor, permit, realmName }, async ({ trx, checkVersion }) => {
          const realm = await lockRealmNamed(trx, realmName)
          checkVersion(realm.version, 'the realm')
          await requireFree(trx, realm, keys)
          const sealed = keys.map((key) => ({
            ...key,
            mac: foreignKeyMac(deps.verifierKey, foreignKeyText(realm.id, key)),
          }))
          await insertForeignKeys(trx, realm.id, sealed)
          await updateRealmVersion(trx, realm.id)
          const details = { issuer, until: sent.until, kids: keys.map(({ kid }) => kid) }
          await insertAuditEvent(trx, realm, done(actor, 'key.publish-foreign', realmName, details), clock())
          return { keys, notes }
        })
      })
    },

    /** From then on it is not published, and its tokens count no longer. @throws Refusal `forbidden`, `not_found` */
    withdraw(actor: Actor, realmName: string, kid: string): Promise<void> {
      const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
      return refusals.ofChange({ actor, action: 'key.withdraw-foreign', realm: realmName, target: kid }, () =>
        inChange(deps, { actor, permit, realmName }, async ({ trx, checkVersion }) => {
          const realm = await lockRealmNamed(trx, realmName)
          checkVersion(realm.version, 'the realm')
          if (!(await listForeignKeys(trx, realm.id)).some((key) => key.kid === kid))
            throw new Refusal('not_found', `Realm ${realmName} has no foreign key ${kid}.`, 'kid')
          await deleteForeignKey(trx, realm.id, kid)
          await updateRealmVersion(trx, realm.id)
          await insertAuditEvent(trx, realm, done(actor, 'key.withdraw-foreign', kid), clock())
        }),
      )
    },
  }
}

async function setOf({ keyFetching }: Deps, { jwks, jwksUri }: SentForeignKeys): Promise<unknown> {
  if ((jwks === undefined) === (jwksUri === undefined))
    throw new Refusal('invalid', 'Send the keys as exactly one of jwks and jwks_uri.', 'jwks')
  if (jwksUri === undefined) return jwks
  const address = parseKeyAddress(jwksUri, 'jwks_uri')
  const signal = AbortSignal.timeout(keyFetching.timeoutMilliseconds ?? TIMEOUT_MILLISECONDS)
  try {
    return (await guardedFetch(keyFetching)(address, { maxBytes: MAX_BYTES, signal })).members
  } catch (error) {
    if (!(error instanceof KeyFetchError)) throw error
    throw new Refusal('invalid', `The keys could not be fetched: ${error.description}.`, 'jwks_uri')
  }
}

type Circumstances = Pick<ForeignKey, 'issuer' | 'endsAt' | 'publishedAt'>

/** @throws Refusal `invalid` */
function readSet(
  set: unknown,
  circumstances: Circumstances,
): { keys: ForeignKey[]; notes: readonly string[] } {
  if (hasPrivateKey(set))
    throw new Refusal(
      'invalid',
      'The set has a private key, which must not leave its server: replace it there, and send only public keys.',
      'jwks',
    )
  const { keys, notes } = tryRead(set)
  const read = keys.map(({ kid, jwk }): ForeignKey => {
    checkForeignKid(kid)
    const [algorithm] = platformAlgorithmsOf(jwk)
    if (algorithm === undefined) throw new Refusal('invalid', `The key ${kid} cannot be used.`, 'jwks')
    return { kid, algorithm, ...circumstances, publicJwk: { ...jwk, kid, use: 'sig', alg: algorithm } }
  })
  if (read.length === 0)
    throw new Refusal('invalid', ['No key of the set can be used.', ...notes].join(' '), 'jwks')
  if (new Set(read.map(({ kid }) => kid)).size !== read.length)
    throw new Refusal('invalid', 'Two keys of the set have the same kid.', 'jwks')
  return { keys: read, notes }
}

function tryRead(set: unknown) {
  try {
    return readKeySet(set)
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error
    throw new Refusal('invalid', `The keys cannot be read: ${error.message}.`, 'jwks')
  }
}

/** @throws Refusal `conflict`, `limit_reached` */
async function requireFree(
  trx: DatabaseTransaction,
  realm: Realm,
  keys: readonly ForeignKey[],
): Promise<void> {
  const own = new Set((await listSigningKeys(trx, realm.id)).map(({ kid }) => kid))
  const collision = keys.find(({ kid }) => own.has(kid))
  if (collision) throw new Refusal('conflict', `The realm has a key ${collision.kid} of its own.`, 'jwks')
  const kids = new Set([...(await listForeignKeys(trx, realm.id)), ...keys].map(({ kid }) => kid))
  if (kids.size > MAX_FOREIGN_KEYS)
    throw new Refusal(
      'limit_reached',
      `A realm has at most ${MAX_FOREIGN_KEYS} keys of another server: withdraw some.`,
      'jwks',
      MAX_FOREIGN_KEYS,
    )
}
