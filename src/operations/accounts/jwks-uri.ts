import { parseKeyAddress } from '../../domain/key-address.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { listClientKeys } from '../../storage/client-keys.ts'
import type { ChangeContext } from './account-changes.ts'

/** The address as it is kept. @throws Refusal `invalid` */
export function parseJwksUri(asked: string | null | undefined): string | undefined {
  return asked === null || asked === undefined ? undefined : parseKeyAddress(asked, 'jwks_uri')
}

/**
 * The account's new address of keys, where it changes.
 * @throws Refusal `invalid`; `conflict` where it has uploaded keys, for an account has its keys in one place
 */
export async function changedJwksUri(
  { trx, realm, account }: Pick<ChangeContext, 'trx' | 'realm' | 'account'>,
  asked: string | null | undefined,
): Promise<{ readonly jwksUri?: string | undefined }> {
  const jwksUri = parseJwksUri(asked)
  if (asked === undefined || jwksUri === account.jwksUri) return {}
  if (jwksUri !== undefined && (await listClientKeys(trx, realm.id, account.clientId)).length > 0)
    throw new Refusal(
      'conflict',
      'The service account has uploaded keys, and cannot also publish keys at jwks_uri: delete the uploaded ones first.',
      'jwks_uri',
    )
  return { jwksUri }
}

/** Refuses to upload a key for an account that publishes its own. */
export function requireUploadedKeys({ jwksUri }: Pick<ServiceAccount, 'jwksUri'>): void {
  if (jwksUri === undefined) return
  throw new Refusal(
    'conflict',
    'The service account publishes its keys at jwks_uri: add the key there, or first set jwks_uri to null.',
    'jwks_uri',
  )
}
