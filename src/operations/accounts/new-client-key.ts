import { readClientKey } from '../../crypto/client-key.ts'
import { type ClientKey, findPrivateMember, parseKeyName, type SentKey } from '../../domain/client-key.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { insertClientKey } from '../../storage/client-keys.ts'
import type { ChangeContext } from './account-changes.ts'

export interface NewClientKey extends SentKey {
  readonly name?: string | undefined
  readonly expiresAt?: Date | undefined
}

export type ReadKey = Omit<ClientKey, 'createdAt' | 'lastUsedAt'>

/** The slow part of keeping a key, to be done before rows are locked. @throws Refusal `invalid` */
export async function readNewKey(
  { name = '', expiresAt, ...sent }: NewClientKey,
  now: Date,
): Promise<ReadKey> {
  const privateMember = findPrivateMember({ ...sent, name })
  if (privateMember !== undefined)
    throw new Refusal(
      'invalid',
      'This is a private key. Send the public half alone: openssl pkey -in FILE -pubout makes it. Who saw the private key on its way here could use it: make another.',
      privateMember,
    )
  if (expiresAt !== undefined && expiresAt <= now)
    throw new Refusal('invalid', 'expires_at must be in the future.', 'expires_at')
  return { ...(await readClientKey(sent, now)), name: parseKeyName(name), expiresAt }
}

export async function insertNewKey(
  {
    trx,
    realm,
    account,
    now,
  }: Pick<ChangeContext, 'trx' | 'realm' | 'now'> & {
    readonly account: Pick<ServiceAccount, 'clientId'>
  },
  read: ReadKey,
): Promise<ClientKey> {
  await insertClientKey(trx, realm.id, account.clientId, { ...read, createdAt: now })
  return { ...read, createdAt: now, lastUsedAt: undefined }
}

/** Details of a key in the audit trail. */
export function noteOf({ kid, thumbprint, algorithm, name, expiresAt }: ReadKey): Record<string, unknown> {
  return { kid, thumbprint, algorithm, key_name: name, expires_at: expiresAt ?? null }
}
