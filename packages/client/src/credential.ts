import { readFile } from 'node:fs/promises'

/** What the program proves itself with. A file is read anew for each token request, so a replaced secret counts at once. */
export type Credential =
  | { readonly clientId: string; readonly clientSecret: string }
  | { readonly clientId: string; readonly clientSecretFile: string }

/**
 * Adds the credential to a token request: `client_secret_basic` (RFC 6749 section 2.3.1).
 * @throws what reading the file throws; an Error where it is empty
 */
export async function authorizationOf(credential: Credential): Promise<string> {
  const secret =
    'clientSecretFile' in credential ? await readSecret(credential.clientSecretFile) : credential.clientSecret
  return `Basic ${btoa(`${formEncode(credential.clientId)}:${formEncode(secret)}`)}`
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

/** @throws TypeError where it is not a credential */
export function checkCredential(credential: Credential): void {
  const { clientId } = credential ?? {}
  const secrets = ['clientSecret', 'clientSecretFile'].filter((name) => name in (credential ?? {}))
  const [name = ''] = secrets
  if (typeof clientId !== 'string' || clientId === '') throw new TypeError('credential.clientId is missing')
  if (secrets.length !== 1) throw new TypeError('credential needs one of clientSecret and clientSecretFile')
  const value = (credential as unknown as Record<string, unknown>)[name]
  if (typeof value !== 'string' || value === '') throw new TypeError(`credential.${name} is not a text`)
}
