import type { TokenProfile } from './profile.ts'

/** The algorithms a verifier can be told to accept; symmetric ones and `none` are not among them. */
export const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const

/** How a verifier learns that a token was revoked. */
export type RevocationCheck = 'status-list' | 'introspect'

export type Algorithm = (typeof ALGORITHMS)[number]

/** Options of `createVerifier`. Durations are in seconds. */
export interface VerifierOptions {
  /** The realm's issuer, exactly as in `iss`: `https://auth.example/realms/acme`. */
  readonly issuer: string
  /** What this resource server is called in `aud`. With several, a token for any of them is accepted. */
  readonly audience: string | readonly string[]
  /**
   * Shape of access tokens: what the realm's `token_profile` says. `keycloak` takes tokens in the shape of Keycloak's, whose
   * header says `JWT` and whose claim `typ` is `Bearer`; roles come from `realm_access` and, as `client:role`, from
   * `resource_access`. Default `rfc9068`.
   */
  readonly profile?: TokenProfile
  /** The `typ` of access tokens: what the realm's `token_type_header` says. Default `at+jwt`; `JWT` with profile `keycloak`. */
  readonly tokenType?: 'at+jwt' | 'JWT'
  /** Accepted `alg` values. Default: all of `ALGORITHMS`; each key is still good for its own algorithm only. */
  readonly algorithms?: readonly Algorithm[]
  /** Seconds after `exp` in which a token still counts. Default 5, at most 60. `iat` and `nbf` may be 60 seconds ahead. */
  readonly clockToleranceSeconds?: number
  /** Tokens longer than this are refused unread. Default 65536. */
  readonly maxTokenBytes?: number
  /**
   * Where this process reaches the issuer, when that is not at the issuer's own URL (a container network, say).
   * Keys, status lists and introspection are then asked for below this base. Default: `issuer`.
   */
  readonly reachIssuerAt?: string
  /** Allows plain HTTP to a host other than this one. Anyone who can change that traffic can forge tokens. Default false. */
  readonly allowInsecureHttp?: boolean
  /** How long a request to the issuer may take. Default 5. */
  readonly timeoutSeconds?: number
  /**
   * The longest that keys are used without asking the issuer again, whatever `Cache-Control: max-age` says; also the
   * longest that a key which the issuer withdrew in an emergency is still accepted. Default 300.
   */
  readonly keysMaxAgeSeconds?: number
  /** The least time between two requests for keys that unknown `kid`s cause. Default 5. */
  readonly keysCooldownSeconds?: number
  /** How long, after they went stale, the last known keys are used while the issuer is out of reach. Default 600. */
  readonly keepKeysWhileUnreachableSeconds?: number
  /**
   * What happens to tokens while no valid status list can be had. `reject`, the default, fails closed: 503. With
   * `acceptForSeconds` they are accepted for that long after the last list went stale (or, if there never was one,
   * after the first attempt), save those which the last list had already named; then they are refused.
   */
  readonly whenStatusUnavailable?: 'reject' | { readonly acceptForSeconds: number }
  /**
   * Refuses tokens without a `status` claim, which would live until `exp` whatever becomes of their account.
   * Default true: Mintmark puts one into every token.
   */
  readonly requireStatus?: boolean
  /**
   * How `verify` learns that a token was revoked. `status-list`, the default, reads the realm's list, which is at most
   * its `ttl` old (10 s). `introspect` asks the issuer about each token, so a deletion counts at once; it needs
   * `introspection`. A single call can choose otherwise.
   */
  readonly check?: RevocationCheck
  /** How long an introspection answer is used again for the same token. Default 0: not at all. At most 300. */
  readonly introspectionMaxAgeSeconds?: number
  /**
   * How many tokens whose signature held are remembered, so that it is not computed again while they are presented. Their
   * times, key and revocation are looked at each time. Default 0; a proxy's guard sets 10000.
   */
  readonly rememberTokens?: number
  /** The service account that introspects: for `check: 'introspect'`, and for tokens whose permissions were left out. */
  readonly introspection?: { readonly clientId: string; readonly clientSecret: string }
  /** The clock: milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number
}
