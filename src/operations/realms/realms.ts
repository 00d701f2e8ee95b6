import { isDeepStrictEqual } from 'node:util'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import { realmWarnings, type Warned } from '../../domain/impossible-claims.ts'
import type { Page } from '../../domain/page.ts'
import { requireWithinPolicy } from '../../domain/policy.ts'
import { DEFAULT_REALM_SETTINGS, type Realm, type RealmSettings, SYSTEM_REALM } from '../../domain/realm.ts'
import { checkRealmSettings } from '../../domain/realm-settings.ts'
import { Refusal } from '../../domain/refusal.ts'
import { cachedUntilAfter } from '../../domain/signing-key.ts'
import { requireRoomForScopes } from '../../domain/token-size.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { isRoleGranted } from '../../storage/grants.ts'
import { isRoleAssigned } from '../../storage/held-roles.ts'
import { findPolicy } from '../../storage/policy.ts'
import { isResourceTypeUsed } from '../../storage/protected-resources.ts'
import { deleteRealm, deleteRowsOfDeletedRealms } from '../../storage/realm-deletion.ts'
import { updateRealmRotation } from '../../storage/realm-rotation.ts'
import { findRealmByName, updateRealm } from '../../storage/realms.ts'
import { type ChangeScope, inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed, realmNamed } from './named-realm.ts'
import { createRealm } from './new-realm.ts'
import { isRealmFound, pageOfRealms, type RealmsAsked } from './realm-pages.ts'

export interface RealmUpdate extends Partial<RealmSettings> {
  /** Version that the change is based on; `undefined`: any. */
  readonly expectedVersion?: string | undefined
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'sealer' | 'publicUrl' | 'log' | 'refusals'>

export type Realms = ReturnType<typeof realms>

export function realms(deps: Deps) {
  const { db, clock, refusals } = deps
  return {
    /** @throws Refusal `invalid`, `name_taken` */
    create(actor: Actor, name: string, settings: Partial<RealmSettings> = {}): Promise<Warned<Realm>> {
      return refusals.ofChange({ actor, action: 'realm.create', realm: name }, async () =>
        warned(await createRealm(deps, actor, name, settings), deps),
      )
    },

    /** One page of the realms that the actor may see, ordered by name. */
    list(actor: Actor, asked: RealmsAsked): Promise<Page<Realm>> {
      return refusals.ofRead({ actor, action: 'realm.list' }, async () => {
        if (actor.authority.platform) return pageOfRealms(db, asked)
        const { realm: own } = actor.authority
        requireAuthority(actor, own, 'view')
        const realm = own > asked.after ? await findRealmByName(db, own) : undefined
        return { items: realm && isRealmFound(realm, asked.search) ? [realm] : [], next: undefined }
      })
    },

    /** @throws Refusal `not_found`, `forbidden` */
    find(actor: Actor, name: string): Promise<Realm> {
      return refusals.ofRead({ actor, action: 'realm.read', realm: name }, async () => {
        requireAuthority(actor, name, 'view')
        return realmNamed(db, name)
      })
    },

    /**
     * Changes settings; absent members stay. A new algorithm takes over by rotation.
     * @throws Refusal `forbidden`, `not_found`, `invalid`, `changed_meanwhile`; `conflict` for a role or a type in use
     */
    update(actor: Actor, name: string, { expectedVersion, ...update }: RealmUpdate): Promise<Warned<Realm>> {
      const permit = (by: Actor) => requireAuthority(by, name, 'administer')
      return refusals.ofChange({ actor, action: 'realm.update', realm: name }, () =>
        inChange(deps, { actor, permit, realmName: name }, async (scope) => {
          const realm = await lockRealmNamed(scope.trx, name)
          scope.checkVersion(realm.version, 'the realm')
          if (expectedVersion !== undefined && expectedVersion !== realm.version)
            throw new Refusal('changed_meanwhile', 'Another administrator changed the realm: read it again.')
          return warned(await changeSettings(deps, scope, realm, update), deps)
        }),
      )
    },

    /** Deletes a realm at once, with its accounts, keys and tokens. @throws Refusal */
    delete(actor: Actor, name: string): Promise<void> {
      const permit = (by: Actor) => {
        requireAuthority(by, name, 'administer')
        requirePlatformAuthority(by)
        if (name === SYSTEM_REALM)
          throw new Refusal('invalid', 'The realm system cannot be deleted.', 'realm')
      }
      return refusals.ofChange({ actor, action: 'realm.delete', realm: name }, async () => {
        await inChange(deps, { actor, permit, realmName: name }, async ({ trx, checkVersion }) => {
          const realm = await lockRealmNamed(trx, name)
          checkVersion(realm.version, 'the realm')
          await deleteRealm(trx, realm, clock())
          const details = { id: realm.id, service_accounts: realm.serviceAccountCount }
          // In the platform's trail: the realm has no administrators any more.
          const trail = { id: undefined, name }
          await insertAuditEvent(trx, trail, done(actor, 'realm.delete', name, details), clock())
        })
        await clearAway(deps)
      })
    },
  }
}

function warned(realm: Realm, { publicUrl }: Pick<Deps, 'publicUrl'>): Warned<Realm> {
  return { ...realm, warnings: realmWarnings(realm, publicUrl) }
}

async function changeSettings(
  { clock, publicUrl }: Deps,
  { trx, actor }: ChangeScope,
  realm: Realm,
  update: Partial<RealmSettings>,
): Promise<Realm> {
  const now = clock()
  const before = settingsOf(realm)
  const settings = { ...before, ...update }
  // Only the platform decides how much a realm may hold and get.
  if (settings.serviceAccountLimit !== realm.serviceAccountLimit) requirePlatformAuthority(actor)
  if (!isDeepStrictEqual(settings.quota, realm.quota)) requirePlatformAuthority(actor)
  checkRealmSettings(settings, realm)
  if (settings.shadowMode && realm.name === SYSTEM_REALM)
    throw new Refusal(
      'invalid',
      'The realm system cannot be in shadow mode: its administrators would get no tokens.',
      'shadow_mode',
    )
  if (isDeepStrictEqual(settings, before)) return realm
  if (!actor.authority.platform) requireWithinPolicy(before, settings, (await findPolicy(trx)).policy)
  requireRoomForScopes(publicUrl, { name: realm.name, ...settings }, realm)
  await requireUnheld(trx, realm, settings.roles)
  await requireUnused(trx, realm, settings.resourceTypes)
  const updated = await updateRealm(
    trx,
    realm.id,
    settings,
    cachedUntilAfter(realm, settings.jwksMaxAgeSeconds, now),
  )
  // The rotation schedule may have changed with the settings: check it at once.
  await updateRealmRotation(trx, realm.id, now, false)
  const details = { before: changed(before, settings), after: changed(settings, before) }
  await insertAuditEvent(trx, realm, done(actor, 'realm.update', realm.name, details), now)
  return updated
}

/** Nothing is left of an ordinary realm then; the expiry job deletes the rows of a large one. */
const CLEARING_STEPS = 20

async function clearAway({ db, log }: Pick<Dependencies, 'db' | 'log'>): Promise<void> {
  try {
    for (let step = 0; step < CLEARING_STEPS; step++) if (!(await deleteRowsOfDeletedRealms(db))) return
  } catch (error) {
    log('rows of a deleted realm could not be deleted yet; the server will try again', error as Error)
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
