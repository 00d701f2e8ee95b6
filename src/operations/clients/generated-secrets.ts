import {
  boundHmacOf,
  hmacMatches,
  hmacOf,
  isReboundHmac,
  reboundHmacOf,
  type SecretOwner,
} from '../../crypto/client-secret.ts'
import type { SecretRecord } from '../../storage/client-records.ts'
import { findPlainHashesUntil, updateBoundHmac } from '../../storage/keyed-hashes.ts'
import type { Dependencies } from '../dependencies.ts'

type Deps = Pick<Dependencies, 'db' | 'tokenDb' | 'verifierKey' | 'plainHashesUntil'>

interface Presented {
  readonly clientSecret: string
  readonly owner: SecretOwner
}

/** The record of a secret that the server made. A promise only for records that the version before wrote. */
export function matchGenerated(
  deps: Deps,
  presented: Presented,
  secrets: readonly SecretRecord[],
): SecretRecord | undefined | Promise<SecretRecord | undefined> {
  const bound = boundHmacOf(presented.clientSecret, presented.owner, deps.verifierKey)
  let match: SecretRecord | undefined
  let old = false
  // Always two, the maximum of an account, so that an account without secrets costs the same.
  for (let i = 0; i < 2; i++) {
    const secret = secrets[i]
    if (hmacMatches(bound, secret?.boundHmac)) match = secret
    if (secret?.hmac || isReboundHmac(secret?.boundHmac)) old = true
  }
  return !match && old ? matchOld(deps, presented, secrets) : match
}

async function matchOld(
  deps: Deps,
  { clientSecret, owner }: Presented,
  secrets: readonly SecretRecord[],
): Promise<SecretRecord | undefined> {
  const { db, verifierKey } = deps
  const hmac = hmacOf(clientSecret, verifierKey)
  const rebound = reboundHmacOf(hmac, owner, verifierKey)
  let match = secrets.find(({ boundHmac }) => hmacMatches(rebound, boundHmac))
  if (!match) {
    match = secrets.find((secret) => hmacMatches(hmac, secret.hmac))
    if (!match || !(await acceptsOldHashes(deps))) return undefined
  }
  // Not waited for: it is tried again at the next use.
  updateBoundHmac(db, { ...owner, id: match.id }, boundHmacOf(clientSecret, owner, verifierKey)).catch(
    () => {},
  )
  return match
}

/**
 * Whether hashes without a binding still count: only during the roll-out. Afterwards such a row was tampered with.
 * Read each time, since an operator may end the roll-out early.
 */
export async function acceptsOldHashes({
  tokenDb,
  plainHashesUntil,
}: Pick<Deps, 'tokenDb' | 'plainHashesUntil'>): Promise<boolean> {
  return plainHashesUntil !== undefined && (await findPlainHashesUntil(tokenDb)) !== undefined
}
