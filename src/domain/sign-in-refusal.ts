export type SignInRefusalCode =
  /** The one-time link was used, has expired, or never existed. */
  | 'link_invalid'
  /** The callback does not match a sign-in of this browser: another browser, or too late. */
  | 'attempt_lost'
  /** The provider refused the sign-in, or its answer is invalid. */
  | 'provider_refused'
  | 'provider_away'
  /** Signed in at the provider, but neither Account Admin nor viewer of this realm. */
  | 'no_access'
  /** The realm lacks configuration for its provider, such as its secret. */
  | 'not_set_up'

/** A refused sign-in to the portal. */
export class SignInRefusal extends Error {
  override readonly name = 'SignInRefusal'
  readonly code: SignInRefusalCode
  readonly realm: string | undefined
  /** The person, where the provider named one. */
  readonly subject: string | undefined

  /** @param reason logged, never shown */
  constructor(code: SignInRefusalCode, realm: string | undefined, reason: string, subject?: string) {
    super(reason)
    this.code = code
    this.realm = realm
    this.subject = subject
  }
}
