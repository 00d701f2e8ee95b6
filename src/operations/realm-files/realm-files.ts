import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '../../crypto/identifier.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { SYSTEM_REALM } from '../../domain/realm.ts'
import { RealmFileError } from '../../domain/realm-file-fault.ts'
import { Refusal } from '../../domain/refusal.ts'
import { lockActors } from '../../storage/actor-credentials.ts'
import { type DatabaseTransaction, inSnapshot, inTransaction } from '../../storage/database.ts'
import { takeFileTurn } from '../../storage/realm-contents.ts'
import { findRealmByName } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { applyRealm } from './apply-realm.ts'
import { exportedRealm } from './exported-realm.ts'
import { FileFaults } from './file-faults.ts'
import type { BindOperations, Deferred } from './file-operations.ts'
import type { FileText, ReadRealm } from './file-reader.ts'
import { allOf, presentAccounts } from './present-realm.ts'
import type { RealmFile } from './realm-file-schema.ts'
import { deletionsOf, type RealmPlan } from './realm-plan.ts'

export interface ApplyOptions {
  /** Delete what the lists of the file do not name. */
  readonly prune?: boolean
  /** Change nothing, and tell what would be. */
  readonly dryRun?: boolean
  /** Deletions of `deletionsOf` that were confirmed; others are refused. `undefined`: any. */
  readonly confirmed?: readonly string[]
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'refusals'>

export type RealmFiles = ReturnType<typeof realmFiles>

/** Realms as files: written, and made what a file says. */
export function realmFiles(deps: Deps, bind: BindOperations) {
  const { db, clock, refusals } = deps
  return {
    /** A realm as it is at one moment. @throws Refusal `forbidden`, `not_found`, `limit_reached` */
    export(actor: Actor, realmName: string): Promise<RealmFile> {
      return refusals.ofRead({ actor, action: 'realm.read', realm: realmName }, () => {
        requireAuthority(actor, realmName, 'view')
        return inSnapshot(db, async (trx) => {
          const { operations } = bind(trx)
          const realm = await realmNamed(trx, realmName)
          return exportedRealm({ operations, db: trx, actor, now: clock(), realm })
        })
      })
    },

    /**
     * Makes realms what files say, in one transaction; what the files do not name stays, unless it is pruned.
     * @throws RealmFileError with all that is wrong; nothing was changed then
     * @throws Refusal `changed_meanwhile`, `conflict`
     */
    async apply(actor: Actor, files: readonly FileText[], options: ApplyOptions = {}): Promise<RealmPlan[]> {
      // Loaded late: few servers have a realm file.
      const { readRealmFiles } = await import('./file-reader.ts')
      const realms = readRealmFiles(files)
      const by = { ...actor, change: newId() }
      let deferred: Deferred | undefined
      try {
        const plans = await inTransaction(db, async (trx) => {
          const bound = bind(trx)
          deferred = bound.deferred
          return applyAll({ ...deps, bound, trx, actor: by, realms, options })
        })
        await deferred?.finish()
        return plans
      } catch (error) {
        if (error instanceof DryRun) return error.plans
        if (error instanceof RealmFileError && !options.dryRun) await deferred?.recordRefusals()
        throw error
      }
    },
  }
}

/** Ends a transaction that only tried. */
class DryRun extends Error {
  readonly plans: RealmPlan[]

  constructor(plans: RealmPlan[]) {
    super('a dry run')
    this.plans = plans
  }
}

interface Application extends Deps {
  readonly bound: ReturnType<BindOperations>
  readonly trx: DatabaseTransaction
  readonly actor: Actor
  readonly realms: readonly ReadRealm[]
  readonly options: ApplyOptions
}

async function applyAll({
  clock,
  publicUrl,
  bound,
  trx,
  actor,
  realms,
  options,
}: Application): Promise<RealmPlan[]> {
  const { operations } = bound
  const { prune = false, dryRun = false, confirmed } = options
  for (const { value } of realms) await takeTurn(trx, value.realm)
  const platform = realms.find(({ value }) => value.realm === SYSTEM_REALM)
  if (platform) await lockPlatform({ operations, trx, actor, now: clock() }, platform)
  const faults = new FileFaults()
  const plans: RealmPlan[] = []
  for (const file of realms)
    plans.push(await applyRealm({ operations, db: trx, publicUrl, actor, now: clock(), file, prune, faults }))
  faults.throwAny()
  if (confirmed && !deletionsOf(plans).every((one) => confirmed.includes(one)))
    throw new Refusal(
      'changed_meanwhile',
      'More would be deleted than was confirmed: the realm was changed meanwhile.',
    )
  if (dryRun) throw new DryRun(plans)
  return plans
}

/** How long a file waits for another that is being applied to its realm. */
const PATIENCE_MILLISECONDS = 120_000
const LOOK_MILLISECONDS = 200

/** Looks again and again: PostgreSQL ends a statement that waits for long. */
async function takeTurn(trx: DatabaseTransaction, realmName: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS
  while (!(await takeFileTurn(trx, realmName))) {
    if (performance.now() > deadline)
      throw new Refusal('conflict', `Another file is being applied to realm ${realmName}: try again.`)
    await sleep(LOOK_MILLISECONDS)
  }
}

/** Its accounts act in other realms, so that the lock of their realm does not hold them. In the order of all changes. */
async function lockPlatform(
  {
    operations,
    trx,
    actor,
    now,
  }: { operations: Application['bound']['operations']; trx: DatabaseTransaction; actor: Actor; now: Date },
  { value }: ReadRealm,
): Promise<void> {
  const realm = await findRealmByName(trx, SYSTEM_REALM)
  if (!realm) return
  const present = await allOf(presentAccounts({ operations, db: trx, actor, now, realm }))
  const named = (value.service_accounts ?? []).map(({ client_id }) => client_id)
  const all = [...new Set([...present.map(({ clientId }) => clientId), ...named])].sort()
  if (all.length > MAX_PLATFORM_ACCOUNTS)
    throw new Refusal(
      'limit_reached',
      `Realm system has more than ${MAX_PLATFORM_ACCOUNTS} service accounts: use the admin API.`,
    )
  for (const clientId of all) await lockActors(trx, undefined, `${SYSTEM_REALM}/${clientId}`)
}

/** PostgreSQL has room for some thousand locks. */
const MAX_PLATFORM_ACCOUNTS = 1000
