import { createPublicKey, type JsonWebKey } from 'node:crypto'

/** A public key as SubjectPublicKeyInfo in PEM. */
export function toPem(publicJwk: object): string {
  return createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
}
