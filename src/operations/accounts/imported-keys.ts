import type { AccountLine } from '../../domain/account-line.ts'
import { AUTH_METHODS, type AuthMethod } from '../../domain/client-key.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { listClientKeys } from '../../storage/client-keys.ts'
import type { ChangeContext } from './account-changes.ts'
import { requireRoomForKey } from './client-keys.ts'
import { requireUploadedKeys } from './jwks-uri.ts'
import { insertNewKey, noteOf, type ReadKey, readNewKey } from './new-client-key.ts'

/** The public keys of a line. @throws Refusal `invalid` */
export async function readLineKeys({ jwks }: AccountLine, now: Date): Promise<readonly ReadKey[]> {
  const keys: ReadKey[] = []
  for (const jwk of jwks?.keys ?? []) {
    const read = await readNewKey({ jwk }, now)
    requireRoomForKey(keys, read)
    keys.push(read)
  }
  return keys
}

/** A line with jwks without keys is of a client that has lost them: it gets no secret for that. */
function hasKeyMember({ jwks, jwksUri }: AccountLine): boolean {
  return jwks !== undefined || jwksUri !== undefined
}

/** What a new account authenticates by: what its line brings. */
export function methodsOfLine(line: AccountLine): readonly AuthMethod[] {
  if (!hasKeyMember(line)) return ['client_secret']
  const hasSecret = line.clientSecret !== undefined || line.secretHash !== undefined
  return hasSecret ? ['client_secret', 'private_key_jwt'] : ['private_key_jwt']
}

/** Methods of an account that is there, with the one that its line needs; `undefined`: it has that. */
export function methodsWithKeys(
  line: AccountLine,
  { authMethods }: Pick<ServiceAccount, 'authMethods'>,
): readonly AuthMethod[] | undefined {
  if (!hasKeyMember(line) || authMethods.includes('private_key_jwt')) return undefined
  return AUTH_METHODS.filter((method) => authMethods.includes(method) || method === 'private_key_jwt')
}

export interface KeysPlan {
  readonly added: readonly ReadKey[]
  /** Keys that the account has and the line does not name. */
  readonly others: readonly string[]
}

/** What an account lacks of the keys of its line. */
export async function planKeys(
  db: Parameters<typeof listClientKeys>[0],
  { realmId, clientId }: Pick<ServiceAccount, 'realmId' | 'clientId'>,
  keys: readonly ReadKey[],
): Promise<KeysPlan> {
  if (keys.length === 0) return { added: [], others: [] }
  const present = await listClientKeys(db, realmId, clientId)
  const isIn = (some: readonly Pick<ReadKey, 'thumbprint'>[], key: Pick<ReadKey, 'thumbprint'>) =>
    some.some(({ thumbprint }) => thumbprint === key.thumbprint)
  return {
    added: keys.filter((key) => !isIn(present, key)),
    others: present.filter((key) => !isIn(keys, key)).map(({ kid }) => kid),
  }
}

/** Adds the keys of a line that the account lacks. @throws Refusal */
export async function addKeys(context: ChangeContext, keys: readonly ReadKey[]): Promise<void> {
  if (keys.length === 0) return
  const { trx, realm, account, note } = context
  requireUploadedKeys(account)
  const present = await listClientKeys(trx, realm.id, account.clientId)
  for (const key of keys) {
    requireRoomForKey(present, key)
    present.push(await insertNewKey(context, key))
  }
  note({ keys: keys.map(noteOf) })
}
