import { thumbprintOf } from '../../crypto/published-thumbprints.ts'
import type { PublishedKeys } from '../../domain/key-source.ts'
import type { FindPublishedKeys } from '../clients/published-keys.ts'
import type { FetchedKeys } from './fetched-keys.ts'

type Records = Awaited<ReturnType<FindPublishedKeys>>

/** Keys that service accounts publish, as those that they upload are read. */
export function accountKeys({ find }: Pick<FetchedKeys, 'find'>): FindPublishedKeys {
  const read = new WeakMap<PublishedKeys['keys'], Promise<Records>>()
  return async (realmId, address, kid) => {
    const { keys } = await find(realmId, { kind: 'jwks_uri', address }, kid)
    const known = read.get(keys) ?? toRecords(keys)
    read.set(keys, known)
    return known
  }
}

function toRecords(keys: PublishedKeys['keys']): Promise<Records> {
  return Promise.all(
    keys.map(async ({ kid = '', jwk }) => ({
      kid,
      thumbprint: await thumbprintOf(jwk),
      jwk: JSON.stringify(jwk),
      // In the order of the document.
      createdAt: new Date(0),
      expiresAt: undefined,
    })),
  )
}
