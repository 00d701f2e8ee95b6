/** Members that lead to a claim, from the outermost in. */
export type ClaimPath = readonly string[]

export interface PresetClaim {
  readonly claim: ClaimPath
  /** What the platform says by it, in a sentence. */
  readonly meaning: string
  readonly example: string | number | boolean
}

/** What is known of a platform whose tokens a realm may trust. */
export interface FederationPreset {
  /** The platform's own name. */
  readonly title: string
  /** Where the platform has one issuer for everybody. */
  readonly issuer?: string
  readonly issuerPattern: RegExp
  readonly issuerExample: string
  /** Where the keys come from, unless the administrator says otherwise. */
  readonly keys?: { readonly source: 'discovery' }
  /** What a binding has to pin, unless it pins `sub`. */
  readonly requiredClaims: readonly ClaimPath[]
  /** Absent: the realm's issuer and token endpoint, for the workload can name the audience. */
  readonly audiences?: readonly string[]
  readonly maxLifetimeSeconds: number
  readonly claims: readonly PresetClaim[]
  readonly warnings: readonly string[]
}
