import { isDeepStrictEqual } from 'node:util'
import { generateSigningKey } from '../../crypto/signing.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import type { Page } from '../../domain/page.ts'
import { fitToPolicy, requireWithinPolicy } from '../../domain/policy.ts'
import {
  checkRealmName,
  checkRealmSettings,
  DEFAULT_REALM_SETTINGS,
  type Realm,
  type RealmSettings,
  SYSTEM_REALM,
} from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { cachedUntilAfter, nextRotationStep } from '../../domain/signing-key.ts'
import { requireRoomForScopes } from '../../domain/token-size.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { isRoleGranted } from '../../storage/grants.ts'
import { findPolicy } from '../../storage/policy.ts'
import { isResourceTypeUsed } from '../../storage/protected-resources.ts'
import { deleteRealm, deleteRowsOfDeletedRealms } from '../../storage/realm-deletion.ts'
import {
  findRealmByName,
  insertRealm,
  listRealms,
  lockRealmByName,
  updateRealm,
  updateRealmRotation,
} from '../../storage/realms.ts'
import { isRoleAssigned } from '../../storage/service-accounts.ts'
import { insertSigningKey } from '../../storage/signing-keys.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { sealNewKey } from './sealed-keys.ts'

export interface RealmOperations {
  /** @throws Refusal `invalid`, `name_taken` */
  createRealm(actor: Actor, name: string, settings?: Partial<RealmSettings>): Promise<Realm>
  /** A page in order of name, of those that the actor may see. */
  listRealms(actor: Actor, page: { readonly after: string; readonly limit: number }): Promise<Page<Realm>>
  /** @throws Refusal `not_found`, `forbidden` */
  findRealm(actor: Actor, name: string): Promise<Realm>
  /**
   * Changes settings; what is left out stays. A new algorithm takes over by rotation.
   * @throws Refusal `forbidden`, `not_found`, `invalid`, `changed_meanwhile`; `conflict` for a role still held or a type still used
   */
  updateRealm(actor: Actor, name: string, update: RealmUpdate): Promise<Realm>
  /** Everything in it goes at once: accounts, keys, and with them all of its tokens. @throws Refusal */
  deleteRealm(actor: Actor, name: string): Promise<void>
}

export interface RealmUpdate extends Partial<RealmSettings> {
  /** The version that the change is based on; `undefined`: whatever it is now. */
  readonly expectedVersion?: string | undefined
}

export function unknownRealm(name: string): Refusal {
  return new Refusal('not_found', `There is no realm ${name}.`, 'realm')
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'sealer' | 'publicUrl'>

export function realmOperations(deps: Deps & Pick<Dependencies, 'log'>): RealmOperations {
  return {
    async createRealm(actor, name, settings = {}) {
      checkRealmName(name)
      const defaults = fitToPolicy(DEFAULT_REALM_SETTINGS, (await findPolicy(deps.db)).policy)
      return createRealmWithKey(deps, actor, name, { ...defaults, ...settings })
    },

    async listRealms(actor, { after, limit }) {
      if (actor.authority.platform) {
        const items = await listRealms(deps.db, after, limit + 1)
        if (items.length <= limit) return { items, next: undefined }
        items.pop()
        return { items, next: items.at(-1)?.name }
      }
      const { realm: own } = actor.authority
      requireAuthority(actor, own, 'view')
      const realm = own > after ? await findRealmByName(deps.db, own) : undefined
      return { items: realm ? [realm] : [], next: undefined }
    },

    async findRealm(actor, name) {
      requireAuthority(actor, name, 'view')
      const realm = await findRealmByName(deps.db, name)
      if (!realm) throw unknownRealm(name)
      return realm
    },

    async updateRealm(actor, name, { expectedVersion, ...update }) {
      const permit = (by: Actor) => requireAuthority(by, name, 'administer')
      return inChange(deps, { actor, permit, realmName: name }, async (scope) => {
        const { trx } = scope
        const realm = await lockRealmByName(trx, name)
        if (!realm) throw unknownRealm(name)
        const now = deps.clock()
        scope.checkVersion(realm.version, 'the realm')
        if (expectedVersion !== undefined && expectedVersion !== realm.version)
          throw new Refusal('changed_meanwhile', 'The realm has been changed meanwhile.')
        const settings = { ...settingsOf(realm), ...update }
        // How much a realm may take up is the platform's to say.
        if (settings.serviceAccountLimit !== realm.serviceAccountLimit) requirePlatformAuthority(scope.actor)
        checkRealmSettings(settings, realm)
        if (isDeepStrictEqual(settings, settingsOf(realm))) return realm
        if (!scope.actor.authority.platform)
          requireWithinPolicy(settingsOf(realm), settings, (await findPolicy(trx)).policy)
        requireRoomForScopes(deps.publicUrl, { name, ...settings }, realm)
        await requireUnheld(trx, realm, settings.roles)
        await requireUnused(trx, realm, settings.resourceTypes)
        const cachedUntil = cachedUntilAfter(realm, settings.jwksMaxAgeSeconds, now)
        const updated = await updateRealm(trx, realm.id, settings, cachedUntil)
        // The schedule may have changed with the settings: it is looked at at once.
        await updateRealmRotation(trx, realm.id, now, false)
        const details = {
          before: changed(settingsOf(realm), settings),
          after: changed(settings, settingsOf(realm)),
        }
        const event = { actor, action: 'realm.update', target: name, outcome: 'done', details } as const
        await insertAuditEvent(trx, realm, event, now)
        return updated
      })
    },

    async deleteRealm(actor, name) {
      const permit = (by: Actor) => {
        requireAuthority(by, name, 'administer')
        requirePlatformAuthority(by)
        if (name === SYSTEM_REALM)
          throw new Refusal('invalid', 'The realm system cannot be deleted.', 'realm')
      }
      await inChange(deps, { actor, permit, realmName: name }, async ({ trx, checkVersion }) => {
        const realm = await lockRealmByName(trx, name)
        if (!realm) throw unknownRealm(name)
        checkVersion(realm.version, 'the realm')
        await deleteRealm(trx, realm, deps.clock())
        const details = { id: realm.id, service_accounts: realm.serviceAccountCount }
        const event = { actor, action: 'realm.delete', target: name, outcome: 'done', details } as const
        // In the platform's own trail: the realm has no administrators any more.
        await insertAuditEvent(trx, { id: undefined, name }, event, deps.clock())
      })
      await clearAway(deps)
    },
  }
}

/** Of an ordinary realm nothing is left then; the rows of a large one go by and by. */
const CLEARING_STEPS = 20

async function clearAway({ db, log }: Pick<Dependencies, 'db' | 'log'>): Promise<void> {
  try {
    for (let step = 0; step < CLEARING_STEPS; step++) if (!(await deleteRowsOfDeletedRealms(db))) return
  } catch (error) {
    log('rows of a deleted realm could not be deleted yet; it will be tried again', error as Error)
  }
}

function settingsOf(realm: Realm): RealmSettings {
  const names = Object.keys(DEFAULT_REALM_SETTINGS) as (keyof RealmSettings)[]
  return Object.fromEntries(names.map((name) => [name, realm[name]])) as unknown as RealmSettings
}

function changed(settings: RealmSettings, others: RealmSettings): Record<string, unknown> {
  const isChanged = ([name, value]: [string, unknown]) =>
    JSON.stringify(value) !== JSON.stringify(others[name as keyof RealmSettings])
  return Object.fromEntries(Object.entries(settings).filter(isChanged))
}

async function requireUnheld(
  trx: DatabaseTransaction,
  { id, roles }: Realm,
  kept: readonly string[],
): Promise<void> {
  for (const role of roles.filter((one) => !kept.includes(one))) {
    if ((await isRoleAssigned(trx, id, role)) || (await isRoleGranted(trx, id, role)))
      throw new Refusal('conflict', `The role ${role} is still held by a service account.`, 'roles')
  }
}

async function requireUnused(
  trx: DatabaseTransaction,
  { id, resourceTypes }: Realm,
  kept: readonly string[],
): Promise<void> {
  for (const type of resourceTypes.filter((one) => !kept.includes(one))) {
    if (await isResourceTypeUsed(trx, id, type))
      throw new Refusal('conflict', `There are resources of type ${type}.`, 'resource_types')
  }
}

/** A realm is never without a key to sign with. */
export async function createRealmWithKey(
  deps: Deps,
  actor: Actor,
  name: string,
  settings: RealmSettings,
): Promise<Realm> {
  requirePlatformAuthority(actor)
  checkRealmSettings(settings)
  requireRoomForScopes(deps.publicUrl, { name, ...settings })
  const now = deps.clock()
  const made = await generateSigningKey(settings.algorithm)
  return inChange(deps, { actor, permit: requirePlatformAuthority }, async ({ trx, checkVersion }) => {
    checkVersion(null, 'the list')
    const realm = await insertRealm(trx, name, settings, now)
    if (!realm) throw new Refusal('name_taken', `There is a realm ${name} already.`, 'name')
    const key = sealNewKey(deps.sealer, realm, made, { state: 'current', now, activatesAt: now })
    await insertSigningKey(trx, realm.id, key)
    const step = nextRotationStep([key], realm, now)
    await updateRealmRotation(trx, realm.id, step.kind === 'none' ? step.dueAt : now, false)
    const details = { algorithm: settings.algorithm, kid: key.kid }
    await insertAuditEvent(
      trx,
      realm,
      { actor, action: 'realm.create', target: name, outcome: 'done', details },
      now,
    )
    return realm
  })
}
