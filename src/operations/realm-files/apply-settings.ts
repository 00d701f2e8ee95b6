import type { CustomClaim } from '../../domain/custom-claim.ts'
import type { Warned } from '../../domain/impossible-claims.ts'
import { type Realm, type RealmSettings, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { quotaFromWire, type WireQuota, wholeQuota } from '../../wire/quota.ts'
import type { FileOperations } from './file-operations.ts'
import { attempt, type FileWork } from './file-work.ts'
import { settingsToFile } from './present-realm.ts'
import { type RealmFile, SETTING_NAMES } from './realm-file-schema.ts'
import { differing, pick, updateOf } from './realm-plan.ts'

type Members = Readonly<Record<string, unknown>>

/** Lists of which the realm keeps what the file does not name, until that is pruned. */
const KEPT = ['scopes', 'audiences', 'roles', 'resource_types'] as const

/** Settings that the file names, in the names of operations. */
export function sentSettings(value: Members): Partial<RealmSettings> {
  const named = SETTING_NAMES.filter((name) => value[name] !== undefined)
  const settings = Object.fromEntries(named.map((name) => [toCamel(name), value[name]]))
  return 'quota' in settings
    ? { ...settings, quota: quotaFromWire(value['quota'] as WireQuota) ?? null }
    : settings
}

function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** The file's settings; lists also have what the realm has. */
function withPresent(value: RealmFile, present: Members): Members {
  const merged: Record<string, unknown> = pick(value, SETTING_NAMES)
  for (const name of KEPT) {
    const wanted = value[name]
    if (wanted) merged[name] = [...new Set([...wanted, ...(present[name] as string[])])]
  }
  const claims = value.claims
  if (claims) merged['claims'] = [...claims, ...otherClaims(claims, present['claims'] as CustomClaim[])]
  if (value.quota !== undefined) merged['quota'] = wholeQuota(value.quota)
  return merged
}

function otherClaims(
  wanted: readonly { readonly claim: string }[],
  present: readonly CustomClaim[],
): CustomClaim[] {
  return present.filter(({ claim }) => wanted.every((one) => one.claim !== claim))
}

/** Settings of the file that differ from those of the realm. The order of audiences matters only for the first one. */
function changesOf(wanted: Members, present: Members): Members {
  const names = differing(wanted, present).filter(
    (name) => name !== 'audiences' || !isSameAudiences(wanted[name] as string[], present[name] as string[]),
  )
  return pick(wanted, names)
}

function isSameAudiences(one: readonly string[], other: readonly string[]): boolean {
  return (
    one.length === other.length && one[0] === other[0] && one.every((audience) => other.includes(audience))
  )
}

/** Adds what the file names; nothing goes yet, for accounts may still have it. Returns whether it was done. */
export async function applySettings(work: FileWork): Promise<boolean> {
  const { operations, actor, realm, file, notes } = work
  const present = settingsToFile(realm)
  const changes = changesOf(withPresent(file.value, present), present)
  if (Object.keys(changes).length === 0) return true
  return attempt(work, [], async () => {
    const { warnings } = await operations.realms.update(actor, realm.name, sentSettings(changes))
    if ('claims' in changes) notes.push(...warnings)
  })
}

/** Notes what has changed, and with prune lets the lists be as the file says. */
export async function finishSettings(work: FileWork, before: Members | undefined): Promise<void> {
  const { operations, actor, realm, file, prune, changes } = work
  if (prune) {
    const present = settingsToFile(await operations.realms.find(actor, realm.name))
    const less = changesOf(pick(file.value, [...KEPT, 'claims']), present)
    if (Object.keys(less).length > 0)
      await attempt(work, [], async () => {
        await operations.realms.update(actor, realm.name, sentSettings(less))
      })
  }
  if (!before) return
  const after = settingsToFile(await operations.realms.find(actor, realm.name))
  const update = updateOf({ kind: 'realm', target: realm.name }, before, after)
  if (update) changes.unshift(update)
}

/** Makes the realm of a file. @throws Refusal */
export async function createRealmOf(
  operations: FileOperations,
  actor: FileWork['actor'],
  value: RealmFile,
): Promise<Warned<Realm>> {
  return operations.realms.create(actor, value.realm, sentSettings(value)).catch((error: unknown) => {
    if (!(error instanceof Refusal) || error.field !== 'name') throw error
    throw new Refusal(error.code, error.message, 'realm')
  })
}

/** The realm of the platform is there from the beginning. */
export function isPlatform({ name }: Pick<Realm, 'name'>): boolean {
  return name === SYSTEM_REALM
}
