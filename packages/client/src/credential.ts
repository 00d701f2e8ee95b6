import { readFile } from 'node:fs/promises'
import { isJwtSvid } from './platform/claims.ts'
import { type PlatformToken, platformToken } from './platform/platform-token.ts'
import { makeAssertion, readPrivateKey } from './private-key.ts'

/**
 * What the program proves itself with. A file is read anew for each token request, so a replaced secret or key counts at
 * once. A private key is PEM (PKCS #8, SEC 1, PKCS #1) or a JWK; `keyId` names it to the issuer, as the `kid` of a JWK does.
 *
 * With `platformToken` there is nothing to keep: the token that the platform gives this program is sent. It is `kubernetes`,
 * `github`, `gitlab`, `aws`, `gcp`, `azure`, `spiffe`, `file:PATH`, or a function that gets a JWT for the issuer. `audience`
 * is whom the platform's token is for, by default the issuer. `clientId` may be left out where one account alone is bound.
 */
export type Credential =
  | { readonly clientId: string; readonly clientSecret: string }
  | { readonly clientId: string; readonly clientSecretFile: string }
  | { readonly clientId: string; readonly privateKey: string; readonly keyId?: string }
  | { readonly clientId: string; readonly privateKeyFile: string; readonly keyId?: string }
  | {
      readonly clientId?: string
      readonly platformToken: string | PlatformToken
      readonly audience?: string
    }

/** What of a token request says who asks. */
export interface Authentication {
  /** The Authorization header. */
  readonly authorization?: string
  /** Members of the form. */
  readonly form: Readonly<Record<string, string>>
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:'

/**
 * Authenticates one token request: `client_secret_basic` (RFC 6749 section 2.3.1), `private_key_jwt` by an assertion
 * for the issuer that is good once (RFC 7523), or the platform's token as it is.
 * @throws what reading the file throws; an Error where it is empty, or no private key; PlatformTokenError
 */
export async function authenticate(
  credential: Credential,
  issuer: string,
  now: number,
): Promise<Authentication> {
  if ('platformToken' in credential) return { form: await platformForm(credential, issuer) }
  const { clientId } = credential
  if ('clientSecret' in credential || 'clientSecretFile' in credential) {
    const secret =
      'clientSecretFile' in credential
        ? await readSecret(credential.clientSecretFile)
        : credential.clientSecret
    return { authorization: `Basic ${btoa(`${formEncode(clientId)}:${formEncode(secret)}`)}`, form: {} }
  }
  const text =
    'privateKeyFile' in credential ? await readSecret(credential.privateKeyFile) : credential.privateKey
  return {
    form: {
      client_assertion_type: `${ASSERTION_TYPE}jwt-bearer`,
      client_assertion: makeAssertion(readPrivateKey(text, credential.keyId), clientId, issuer, now),
    },
  }
}

type PlatformCredential = Extract<Credential, { platformToken: unknown }>

async function platformForm(credential: PlatformCredential, issuer: string): Promise<Record<string, string>> {
  const { clientId, platformToken: source, audience } = credential
  const get = typeof source === 'string' ? platformToken(source, { audience }) : source
  const token = await get(issuer)
  return {
    ...(clientId !== undefined && { client_id: clientId }),
    client_assertion_type: `${ASSERTION_TYPE}${isJwtSvid(token) ? 'jwt-spiffe' : 'jwt-bearer'}`,
    client_assertion: token,
  }
}

async function readSecret(path: string): Promise<string> {
  // Editors and `echo` leave a newline, which is no part of the secret.
  const secret = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  if (secret === '') throw new Error(`${path} is empty`)
  return secret
}

// RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
function formEncode(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2)
}

const WAYS = ['clientSecret', 'clientSecretFile', 'privateKey', 'privateKeyFile', 'platformToken'] as const

/** @throws TypeError where it is not a credential */
export function checkCredential(credential: Credential): void {
  const members = { ...credential } as Record<string, unknown>
  const [name = '', ...others] = WAYS.filter((way) => way in members)
  const { clientId, keyId } = members
  const isNamed = typeof clientId === 'string' && clientId !== ''
  if (!isNamed && !(name === 'platformToken' && clientId === undefined))
    throw new TypeError('credential.clientId is missing')
  if (name === '' || others.length > 0) throw new TypeError(`credential needs one of ${WAYS.join(', ')}`)
  if (name === 'platformToken') {
    checkPlatform(members)
    return
  }
  const value = members[name]
  if (typeof value !== 'string' || value === '') throw new TypeError(`credential.${name} is not a text`)
  if (keyId !== undefined && typeof keyId !== 'string') throw new TypeError('credential.keyId is not a text')
  // A file may come later; what is given here is right or wrong now.
  if (name === 'privateKey') checkKey(value)
}

function checkPlatform({ platformToken: source, audience }: Record<string, unknown>): void {
  if (audience !== undefined && typeof audience !== 'string')
    throw new TypeError('credential.audience is not a text')
  if (typeof source === 'string') platformToken(source)
  else if (typeof source !== 'function')
    throw new TypeError('credential.platformToken is neither the name of a platform nor a function')
}

function checkKey(text: string): void {
  try {
    readPrivateKey(text)
  } catch (error) {
    throw new TypeError(`credential.privateKey: ${(error as Error).message}`)
  }
}
