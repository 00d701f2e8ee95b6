import { type GeneratedKey, generateSigningKey } from '../../crypto/signing.ts'
import type { Algorithm } from '../../domain/realm.ts'

/** Keys made before a transaction: generating an RSA key is slow, and the transaction locks the realm. */
export interface SpareKeys {
  take(algorithm: Algorithm): GeneratedKey
}

/** More than any transaction needs. */
const MAX_SPARES = 8

/** The transaction needs one more key: it is rolled back and repeated with one more. */
class SpareKeyNeeded extends Error {
  readonly algorithm: Algorithm

  constructor(algorithm: Algorithm) {
    super(`a key for ${algorithm} is needed`)
    this.algorithm = algorithm
  }
}

/** Runs work, and repeats it with one more key while it lacks one. Each attempt starts with all keys unused. */
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
