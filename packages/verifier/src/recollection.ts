import { type AccessToken, checkTimes } from './access-token.ts'
import type { KeySet } from './key-set.ts'
import type { RevocationCheck } from './options.ts'
import type { VerifierSettings } from './read-options.ts'
import type { StatusLists } from './status-lists.ts'
import type { VerifiedToken, VerifiedTokens } from './verified-tokens.ts'

interface AtHand {
  readonly remembered: VerifiedTokens
  readonly keys: KeySet
  readonly statusLists: StatusLists
}

type Recall = (text: string, options?: { readonly check?: RevocationCheck }) => AccessToken | undefined

/** Checks a remembered token by the keys and the status list at hand: for a busy proxy, nearly every request. */
export function recollection(settings: VerifierSettings, { remembered, keys, statusLists }: AtHand): Recall {
  const isGood = ({ jwt, key }: VerifiedToken): boolean => {
    checkTimes(jwt.claims, settings)
    const { status } = jwt.claims
    return (
      keys.known(jwt.kid, jwt.alg) === key &&
      (status === undefined ? !settings.requireStatus : statusLists.isKnownValid(status))
    )
  }

  return (text, { check = settings.check } = {}) => {
    const known = remembered.get(text)
    // The issuer is asked about permissions that were left out, so such a token is not passed on as it is.
    if (!known || check !== 'status-list' || known.token.authorizationDetailsOmitted) return undefined
    try {
      return isGood(known) ? known.token : undefined
    } catch {
      return undefined
    }
  }
}
