export type SignInRefusalCode =
  /** The one-time link is used up, too old, or was never one. */
  | 'link_invalid'
  /** The way back from the identity provider has lost the way there: another browser, or too late. */
  | 'attempt_lost'
  /** The provider did not let them in, or what it said does not add up. */
  | 'provider_refused'
  | 'provider_away'
  /** Signed in at the provider, but neither administrator nor viewer here. */
  | 'no_access'
  /** The operator has not given the realm what its provider wants. */
  | 'not_set_up'

/** Somebody who does not get into the portal. */
export class SignInRefusal extends Error {
  override readonly name = 'SignInRefusal'
  readonly code: SignInRefusalCode
  readonly realm: string | undefined
  /** Who it is, where the provider has said so. */
  readonly subject: string | undefined

  /** @param reason logged, never shown */
  constructor(code: SignInRefusalCode, realm: string | undefined, reason: string, subject?: string) {
    super(reason)
    this.code = code
    this.realm = realm
    this.subject = subject
  }
}
