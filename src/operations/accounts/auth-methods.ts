import { isDeepStrictEqual } from 'node:util'
import { type AuthMethod, parseAuthMethods } from '../../domain/client-key.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { deleteCredentials } from '../../storage/credentials.ts'
import type { ChangeContext } from './account-changes.ts'

interface AskedMethods {
  readonly authMethods?: readonly string[] | undefined
  readonly key?: object | undefined
  readonly jwksUri?: string | undefined
}

/** Methods of a new account: by default those of what it is made with. @throws Refusal `invalid` */
export function methodsOf({ authMethods, key, jwksUri }: AskedMethods): readonly AuthMethod[] {
  if (key && jwksUri !== undefined)
    throw new Refusal('invalid', 'Send either key or jwks_uri: keys are uploaded or published.', 'jwks_uri')
  const usual: AuthMethod = key || jwksUri !== undefined ? 'private_key_jwt' : 'client_secret'
  const methods = parseAuthMethods(authMethods ?? [usual], 'auth_methods')
  if ((key || jwksUri !== undefined) && !methods.includes('private_key_jwt'))
    throw new Refusal('invalid', 'A key needs private_key_jwt in auth_methods.', 'auth_methods')
  return methods
}

/** Refuses methods that the realm does not allow, but for those that the account has already. */
export function requireAllowedMethods(
  { name, allowedAuthMethods }: Pick<Realm, 'name' | 'allowedAuthMethods'>,
  methods: readonly AuthMethod[],
  present: readonly AuthMethod[] = [],
): void {
  const refused = methods.find((one) => !allowedAuthMethods.includes(one) && !present.includes(one))
  if (refused !== undefined)
    throw new Refusal(
      'invalid',
      `Realm ${name} does not allow ${refused}: auth_methods may be ${allowedAuthMethods.join(', ')}.`,
      'auth_methods',
    )
}

/** Refuses to make a secret for an account that may not have one. */
export function requireSecretMethod({ account }: Pick<ChangeContext, 'account'>): void {
  if (!account.authMethods.includes('client_secret'))
    throw new Refusal(
      'conflict',
      'The service account authenticates without a secret: its auth_methods are without client_secret.',
    )
}

/** The account's new methods; `undefined`: unchanged. @throws Refusal `invalid` */
export function changedMethods(
  { realm, account }: Pick<ChangeContext, 'realm' | 'account'>,
  asked: readonly string[] | undefined,
): readonly AuthMethod[] | undefined {
  if (asked === undefined) return undefined
  const methods = parseAuthMethods(asked, 'auth_methods')
  requireAllowedMethods(realm, methods, account.authMethods)
  return isDeepStrictEqual(methods, account.authMethods) ? undefined : methods
}

/**
 * Ends what is taken away: secrets are deleted; keys and workload identities stay and no longer count.
 * @returns whether the tokens that the account has got end with it
 */
export async function endMethods(
  { trx, realm, account }: ChangeContext,
  after: readonly AuthMethod[],
): Promise<boolean> {
  const isTaken = (method: AuthMethod) => account.authMethods.includes(method) && !after.includes(method)
  if (isTaken('client_secret'))
    await deleteCredentials(trx, realm.id, { table: 'client_secrets', clientId: account.clientId })
  return isTaken('private_key_jwt') || isTaken('federated')
}
