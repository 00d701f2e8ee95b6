import { isDeepStrictEqual } from 'node:util'
import type { FilePath } from '../../domain/realm-file-fault.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type NewClientKey, readNewKey } from '../accounts/new-client-key.ts'
import { attempt, type FileWork } from './file-work.ts'
import type { FileKey, PresentAccount } from './present-realm.ts'
import type { RealmFileAccount } from './realm-file-schema.ts'

type Key = NonNullable<RealmFileAccount['keys']>[number]

export interface KeysWork {
  readonly work: FileWork
  readonly account: PresentAccount
  readonly entry: RealmFileAccount
}

/** Adds the public keys of an entry, and changes those that are there. */
export async function applyKeys({
  work,
  account,
  entry,
  path,
}: KeysWork & { readonly path: FilePath }): Promise<void> {
  const present = new Map(account.keys.map((key) => [key.kid, key]))
  for (const [index, key] of (entry.keys ?? []).entries())
    await attempt(work, [...path, 'keys', index], () => writeKey(work, account, { key, present }))
}

async function writeKey(
  work: FileWork,
  account: PresentAccount,
  { key, present }: { readonly key: Key; readonly present: ReadonlyMap<string, FileKey> },
): Promise<void> {
  const { now, notes } = work
  const { clientId } = account.account
  const { kid, jwk } = await readNewKey(sentKey(key), now)
  const before = present.get(kid)
  const end = endOf(key)
  if (before && isDeepStrictEqual(jwk, before.jwk)) await changeKey(work, clientId, before, key)
  else if (end && end <= now) notes.push(`${clientId}: key ${kid} has expired and was left out`)
  else await addKey(work, clientId, kid, key)
}

function endOf({ expires_at: end }: Key): Date | null | undefined {
  return typeof end === 'string' ? new Date(end) : end
}

async function addKey(
  { operations, actor, realm, changes }: FileWork,
  clientId: string,
  kid: string,
  key: Key,
): Promise<void> {
  const { name = '' } = key
  const end = endOf(key) ?? undefined
  await operations.clientKeys.add(actor, realm.name, clientId, { ...sentKey(key), name, expiresAt: end })
  const after = { name, expires_at: end?.toISOString() ?? null }
  changes.push({ action: 'create', kind: 'key', target: kid, account: clientId, after })
}

async function changeKey(
  { operations, actor, realm, changes }: FileWork,
  clientId: string,
  { kid, name, expires_at: presentEnd = null }: FileKey,
  key: Key,
): Promise<void> {
  const end = endOf(key)
  const isOtherName = key.name !== undefined && key.name !== name
  const isOtherEnd = end !== undefined && (end?.toISOString() ?? null) !== presentEnd
  if (!isOtherName && !isOtherEnd) return
  const { key: changed } = await operations.clientKeys.update(actor, realm.name, clientId, {
    kid,
    ...(isOtherName && { name: key.name }),
    ...(isOtherEnd && { expiresAt: end }),
  })
  const about = { action: 'update', kind: 'key', target: kid, account: clientId } as const
  const after = { name: changed.name, expires_at: changed.expiresAt?.toISOString() ?? null }
  changes.push({ ...about, before: { name, expires_at: presentEnd }, after })
}

function sentKey({ kid, jwk, pem }: Key): NewClientKey {
  if (pem !== undefined && kid !== undefined)
    throw new Refusal(
      'invalid',
      'A key in PEM has its thumbprint as kid: leave kid out, or write it as jwk.',
      'kid',
    )
  if (pem !== undefined) return { pem, ...(jwk && { jwk }) }
  return { jwk: { ...jwk, ...(kid !== undefined && { kid }) } }
}

/** Deletes the keys that the file does not name. @throws Refusal */
export async function pruneKeys({ work, account, entry }: KeysWork): Promise<void> {
  if (!entry.keys) return
  const { operations, actor, realm, changes } = work
  const { clientId } = account.account
  const named = await Promise.all(entry.keys.map((key, index) => kidOf(work, key, index)))
  for (const { kid } of account.keys.filter((key) => !named.includes(key.kid))) {
    await operations.clientKeys.delete(actor, realm.name, clientId, { kid })
    changes.push({ action: 'delete', kind: 'key', target: kid, account: clientId })
  }
}

async function kidOf({ now }: FileWork, key: Key, index: number): Promise<string> {
  try {
    return (await readNewKey(sentKey(key), now)).kid
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Refusal(error.code, error.message, `keys.${index}.${error.field}`)
  }
}
