import type { PublicJwk } from './client-key.ts'

/** Signing algorithms of platform tokens: never `none` or an HMAC, whose key would be public here. */
export const PLATFORM_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
] as const
export type PlatformAlgorithm = (typeof PLATFORM_ALGORITHMS)[number]

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
const ML_DSA = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const

const ALGORITHMS_OF: Readonly<Record<string, readonly PlatformAlgorithm[]>> = {
  RSA,
  AKP: ML_DSA,
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
}

const NONE: readonly PlatformAlgorithm[] = []

/** Values of `alg` that a token by this key may have; empty for a key that cannot be used. */
export function platformAlgorithmsOf({ kty, crv, alg }: PublicJwk): readonly PlatformAlgorithm[] {
  const name = kty === 'RSA' || kty === 'AKP' ? kty : `${kty} ${crv}`
  const own = Object.hasOwn(ALGORITHMS_OF, name) ? (ALGORITHMS_OF[name] ?? NONE) : NONE
  return alg === undefined ? own : own.filter((one) => one === alg)
}

/** The algorithm of that name. */
export function platformAlgorithm(name: unknown): PlatformAlgorithm | undefined {
  return PLATFORM_ALGORITHMS.find((one) => one === name)
}
