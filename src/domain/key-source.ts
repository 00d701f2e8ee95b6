import type { PublicJwk } from './client-key.ts'

/** Keys that are fetched over the network. */
export const FETCHED_KEY_SOURCES = ['discovery', 'jwks_uri', 'spiffe_bundle'] as const
export type FetchedKeySource = (typeof FETCHED_KEY_SOURCES)[number]

/** Where keys are fetched from. */
export interface KeySource {
  readonly kind: FetchedKeySource
  /** The issuer itself for discovery, else the address of the document. */
  readonly address: string
}

/** A public key of a key set: its own members alone, and `alg` where it is for one algorithm only. */
export interface PublishedKey {
  readonly kid: string | undefined
  readonly jwk: PublicJwk
}

export interface PublishedKeys {
  /** The keys that can be used. The same objects as long as the version is the same. */
  readonly keys: readonly PublishedKey[]
  /** Another for other keys. */
  readonly version: string
}

/** Keys of a JWKS at most. */
export const MAX_PUBLISHED_KEYS = 100

/** The keys of an issuer cannot be had just now. Nothing is known about the token then. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError'
}
