import type { Metadata } from './custom-claim.ts'
import { checkMetadata, MAX_METADATA } from './custom-claim-check.ts'
import type { HydraClient } from './hydra-client.ts'
import { faultIn } from './import-plan.ts'

/** Metadata of a client, and its owner, as pairs of text. */
export function hydraMetadata(
  { metadata, owner }: Pick<HydraClient, 'metadata' | 'owner'>,
  leave: (reason: string) => void,
): Metadata {
  const all = { ...(owner !== '' && { owner }), ...metadata }
  if (owner !== '' && Object.hasOwn(metadata, 'owner')) leave(`Its owner: metadata has an owner already.`)
  const taken = Object.entries(all).flatMap(([key, value]) => {
    const text = pairText(value)
    const fault =
      text === undefined ? 'it is an object, a list or null.' : faultIn(() => checkMetadata({ [key]: text }))
    if (fault === undefined) return [[key, text as string] as const]
    leave(`Metadata ${key.slice(0, 100)}: ${fault}`)
    return []
  })
  for (const [key] of taken.slice(MAX_METADATA))
    leave(`Metadata ${key}: an account may have ${MAX_METADATA} pairs.`)
  return Object.fromEntries(taken.slice(0, MAX_METADATA))
}

function pairText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}
