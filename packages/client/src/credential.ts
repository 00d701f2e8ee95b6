import { readFile } from 'node:fs/promises'
import { makeAssertion, readPrivateKey } from './private-key.ts'

/**
 * What the program proves itself with. A file is read anew for each token request, so a replaced secret or key counts at
 * once. A private key is PEM (PKCS #8, SEC 1, PKCS #1) or a JWK; `keyId` names it to the issuer, as the `kid` of a JWK does.
 */
export type Credential =
  | { readonly clientId: string; readonly clientSecret: string }
  | { readonly clientId: string; readonly clientSecretFile: string }
  | { readonly clientId: string; readonly privateKey: string; readonly keyId?: string }
  | { readonly clientId: string; readonly privateKeyFile: string; readonly keyId?: string }

/** What of a token request says who asks. */
export interface Authentication {
  /** The Authorization header. */
  readonly authorization?: string
  /** Members of the form. */
  readonly form: Readonly<Record<string, string>>
}

/**
 * Authenticates one token request: `client_secret_basic` (RFC 6749 section 2.3.1), or `private_key_jwt` by an assertion
 * for the issuer that is good once (RFC 7523).
 * @throws what reading the file throws; an Error where it is empty, or no private key
 */
export async function authenticate(
  credential: Credential,
  issuer: string,
  now: number,
): Promise<Authentication> {
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
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: makeAssertion(readPrivateKey(text, credential.keyId), clientId, issuer, now),
    },
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

const WAYS = ['clientSecret', 'clientSecretFile', 'privateKey', 'privateKeyFile'] as const

/** @throws TypeError where it is not a credential */
export function checkCredential(credential: Credential): void {
  const { clientId } = credential ?? {}
  const [name = '', ...others] = WAYS.filter((way) => way in (credential ?? {}))
  if (typeof clientId !== 'string' || clientId === '') throw new TypeError('credential.clientId is missing')
  if (name === '' || others.length > 0) throw new TypeError(`credential needs one of ${WAYS.join(', ')}`)
  const { [name]: value, keyId } = credential as unknown as Record<string, unknown>
  if (typeof value !== 'string' || value === '') throw new TypeError(`credential.${name} is not a text`)
  if (keyId !== undefined && typeof keyId !== 'string') throw new TypeError('credential.keyId is not a text')
  // A file may come later; what is given here is right or wrong now.
  if (name === 'privateKey') checkKey(value)
}

function checkKey(text: string): void {
  try {
    readPrivateKey(text)
  } catch (error) {
    throw new TypeError(`credential.privateKey: ${(error as Error).message}`)
  }
}
