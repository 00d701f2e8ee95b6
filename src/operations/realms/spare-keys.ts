import { type GeneratedKey, generateSigningKey } from '../../crypto/signing.ts'
import type { Algorithm } from '../../domain/realm.ts'

/** Keys that were made before a transaction: an RSA key takes long to make, and the realm is held meanwhile. */
export interface SpareKeys {
  take(algorithm: Algorithm): GeneratedKey
}

/** More than a transaction ever takes. */
const MAX_SPARES = 8

/** The transaction needs one more key: it is rolled back, and run again with that. */
class SpareKeyNeeded extends Error {
  readonly algorithm: Algorithm

  constructor(algorithm: Algorithm) {
    super(`a key for ${algorithm} is needed`)
    this.algorithm = algorithm
  }
}

/** Runs work again with one key more as long as it lacks one. Each attempt begins with all keys unused. */
export async function withSpareKeys<T>(work: (spares: () => SpareKeys) => Promise<T>): Promise<T> {
  const made: GeneratedKey[] = []
  for (;;) {
    try {
      return await work(() => spareKeys([...made]))
    } catch (error) {
      if (!(error instanceof SpareKeyNeeded) || made.length === MAX_SPARES) throw error
      made.push(await generateSigningKey(error.algorithm))
    }
  }
}

function spareKeys(unused: GeneratedKey[]): SpareKeys {
  return {
    take(algorithm) {
      const index = unused.findIndex(({ publicJwk }) => publicJwk.alg === algorithm)
      const [key] = index < 0 ? [] : unused.splice(index, 1)
      if (!key) throw new SpareKeyNeeded(algorithm)
      return key
    },
  }
}
