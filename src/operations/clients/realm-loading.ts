import { importSigner, type Signer } from '../../crypto/signing.ts'
import type { ForeignKey } from '../../domain/foreign-key.ts'
import { issuerOf, knownAudiences, type Realm } from '../../domain/realm.ts'
import type { Dependencies } from '../dependencies.ts'
import { signingKeyContext, type TrustedKey, trustedKeys } from '../realms/sealed-keys.ts'
import type { ReadRealm } from './realm-reading.ts'

export type PublicSigningKey = TrustedKey

type Deps = Pick<Dependencies, 'sealer' | 'publicUrl' | 'log'>

/** Called for a realm whose key did not open; returns the error to throw. */
type Forget = (name: string, error: unknown) => unknown

/** A realm in memory, as of one version of its row. */
export class LoadedRealm {
  readonly read: ReadRealm
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly #deps: Deps
  readonly #forget: Forget
  #keys: readonly PublicSigningKey[] | undefined
  #signer: Signer | Promise<Signer> | undefined

  constructor(deps: Deps, forget: Forget, read: ReadRealm) {
    this.read = read
    this.issuer = issuerOf(deps.publicUrl, read.realm.name)
    this.audiences = knownAudiences(read.realm, deps.publicUrl)
    this.#deps = deps
    this.#forget = forget
  }

  get realm(): Realm {
    return this.read.realm
  }

  /** Published keys with an intact seal, opened on first use. */
  get keys(): readonly PublicSigningKey[] {
    this.#keys ??= this.#openKeys()
    return this.#keys
  }

  /** Keys of the server that the realm was moved from; some may have ended. */
  get foreignKeys(): readonly ForeignKey[] {
    return this.read.foreignKeys
  }

  /** When the database last confirmed this version, in milliseconds since the epoch. */
  get confirmedAt(): number {
    return this.read.confirmedAt
  }

  /** The current key, opened on first use; no promise once it is open. */
  signer(): Signer | Promise<Signer> {
    this.#signer ??= this.#openSigner()
    return this.#signer
  }

  #openKeys(): readonly PublicSigningKey[] {
    try {
      return trustedKeys(this.#deps, this.realm, this.read.keys)
    } catch (error) {
      throw this.#forget(this.realm.name, error)
    }
  }

  async #openSigner(): Promise<Signer> {
    const { id, name } = this.realm
    const current = this.read.keys.find((key) => key.state === 'current')
    if (!current) throw new Error(`realm ${name} has no current key`)
    const { kid, algorithm, sealedPrivateJwk } = current
    try {
      const jwk = this.#deps.sealer.open(sealedPrivateJwk, signingKeyContext(id, current))
      this.#signer = await importSigner(kid, algorithm, jwk)
      return this.#signer
    } catch (error) {
      // The key may be sealed again at any moment, which does not change the realm's version.
      throw this.#forget(name, error)
    }
  }
}
