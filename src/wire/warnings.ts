/** `warnings` of an answer to a change: absent where there are none. */
export function warningsToWire(warnings: readonly string[] = []): { readonly warnings?: string[] } {
  return warnings.length > 0 ? { warnings: [...warnings] } : {}
}
