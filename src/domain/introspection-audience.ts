/** What unsigned introspection shows: only tokens for audiences that the caller serves, or every token of the realm. */
export const INTROSPECTION_AUDIENCES = ['served', 'all'] as const
export type IntrospectionAudiences = (typeof INTROSPECTION_AUDIENCES)[number]

/** A resource server that introspects. */
export interface Introspector {
  readonly clientId: string
  /** Audiences that it serves; `undefined`: none configured. */
  readonly introspectsAudiences: readonly string[] | undefined
}

export interface IntrospectionRealm {
  readonly introspectionAudiences: IntrospectionAudiences
  /** All audiences of the realm's tokens, the default first. */
  readonly audiences: readonly string[]
  /** Audiences that the realm's settings name. */
  readonly ownAudiences: readonly string[]
}

/**
 * Returns whether the caller may see a token for these audiences (RFC 9701 section 5). A signed answer can be passed on,
 * so it never covers an audience of another resource server.
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

// An account without configured audiences serves a known one only if all tokens have the same audience.
function servedByDefault({ clientId }: Introspector, { audiences, ownAudiences }: IntrospectionRealm) {
  return ownAudiences.length > 1 ? [clientId] : [clientId, ...audiences.slice(0, 1)]
}
