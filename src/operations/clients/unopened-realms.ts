import { TamperedSealError, WrongMasterKeyError } from '../../crypto/sealing.ts'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import type { Dependencies } from '../dependencies.ts'

/** Tracks whether this node lacks a master key that other nodes seal with. */
export interface UnopenedRealms {
  /** Error for a realm whose keys did not open: 503 where another node may serve it. */
  explain(error: unknown, realmName: string): unknown
  /** Returns whether the last such realm still does not open. */
  isAny(latest: (realmName: string) => Promise<{ signer(): unknown }>): Promise<boolean>
}

export function createUnopenedRealms({ log }: Pick<Dependencies, 'log'>): UnopenedRealms {
  let last: string | undefined
  return {
    explain(error, realmName) {
      if (!(error instanceof WrongMasterKeyError) || error instanceof TamperedSealError) return error
      if (last === undefined)
        log(
          `the keys of realm ${realmName} are sealed under a master key that this node does not have: ` +
            'add it behind the others, as step 1 of mintmark master-key --help says',
        )
      last = realmName
      const reason = 'sealed under a master key that this node does not have'
      return new OAuthError('temporarily_unavailable', 'Try again shortly.', reason)
    },

    async isAny(latest) {
      if (last === undefined) return false
      try {
        await (await latest(last)).signer()
      } catch (error) {
        if (!(error instanceof UnknownRealmError)) return true
      }
      last = undefined
      return false
    },
  }
}
