import { calculateJwkThumbprint } from 'jose'
import type { PublicJwk } from '../domain/client-key.ts'

/** RFC 7638, by SHA-256. */
export function thumbprintOf(jwk: PublicJwk): Promise<string> {
  return calculateJwkThumbprint(jwk)
}
