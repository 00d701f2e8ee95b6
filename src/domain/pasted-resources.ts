import { type ResourceKey, resourceTypesOf } from './protected-resource.ts'

/**
 * Resources that a pasted text names, one on a line and each once: as type/id where that type is the realm's, or else as
 * an id of the type that was chosen.
 */
export function pastedResources(
  text: string,
  type: string,
  realm: { readonly resourceTypes: readonly string[] },
): ResourceKey[] {
  const types = resourceTypesOf(realm)
  const found = new Map<string, ResourceKey>()
  for (const line of text.split('\n')) {
    const name = line.trim()
    if (name === '') continue
    const [, ownType = '', ownId = ''] = /^([^/]+)\/(.+)$/.exec(name) ?? []
    const key = types.includes(ownType) ? { type: ownType, id: ownId } : { type, id: name }
    found.set(`${key.type}/${key.id}`, key)
  }
  return [...found.values()]
}
