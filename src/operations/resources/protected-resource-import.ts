import type { Actor } from '../../domain/actor.ts'
import type { ImportOutcome } from '../../domain/protected-resource.ts'
import { importLines, type LineOutcome } from '../import-lines.ts'
import type { ProtectedResources } from './protected-resources.ts'

/** Imports resources, one on each line of NDJSON. @throws Refusal `forbidden`, `not_found`; `invalid` for too many lines */
export function importResourceLines(
  resources: Pick<ProtectedResources, 'import'>,
  actor: Actor,
  realmName: string,
  text: string,
): AsyncGenerator<LineOutcome<ImportOutcome>[]> {
  return importLines(text, (entries) => resources.import(actor, realmName, entries))
}
