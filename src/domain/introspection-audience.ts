/** Which tokens unsigned introspection tells of: those for audiences that the caller serves, or all of the realm. */
export const INTROSPECTION_AUDIENCES = ['served', 'all'] as const
export type IntrospectionAudiences = (typeof INTROSPECTION_AUDIENCES)[number]

/** A resource server that introspects. */
export interface Introspector {
  readonly clientId: string
  /** The audiences it serves; `undefined`: it was not given any. */
  readonly introspectsAudiences: readonly string[] | undefined
}

export interface IntrospectionRealm {
  readonly introspectionAudiences: IntrospectionAudiences
  /** All that a token of the realm may be for, the default first. */
  readonly audiences: readonly string[]
  /** Those that the realm names itself. */
  readonly ownAudiences: readonly string[]
}

/**
 * Whether a token for these audiences is the caller's business (RFC 9701 section 5). A signed answer can be shown to
 * others, so it is never about somebody else's audience.
 */
export function mayIntrospect(
  caller: Introspector,
  realm: IntrospectionRealm,
  audiences: readonly string[],
  signed: boolean,
): boolean {
  const { introspectsAudiences } = caller
  if (!signed && (introspectsAudiences === undefined || realm.introspectionAudiences === 'all')) return true
  const served = introspectsAudiences ?? servedByDefault(caller, realm)
  return audiences.some((audience) => served.includes(audience))
}

// Only where all tokens are for one audience it is clear which one an account serves that was not given any.
function servedByDefault({ clientId }: Introspector, { audiences, ownAudiences }: IntrospectionRealm) {
  return ownAudiences.length > 1 ? [clientId] : [clientId, ...audiences.slice(0, 1)]
}
