export type Environment = Readonly<Record<string, string | undefined>>

/** What a source is asked for. */
export interface PlatformRequest {
  /** Who shall accept the token. */
  readonly audience: string
  /** Whether somebody named the audience; else it is the issuer that the token goes to. */
  readonly isAudienceNamed: boolean
  /** What follows the platform's name: a path, a variable, a SPIFFE ID. */
  readonly detail: string | undefined
  readonly env: Environment
}
