import type { Actor } from '../../domain/actor.ts'
import type { ImportOutcome } from '../../domain/protected-resource.ts'
import { checkLines, importLines, type LineOutcome } from '../import-lines.ts'
import type { ProtectedResources } from './protected-resources.ts'
import type { ResourceSummaries } from './resource-summaries.ts'

/** Imports resources, one on each line of NDJSON. @throws Refusal `forbidden`, `not_found`; `invalid` for too many lines */
export function importResourceLines(
  resources: Pick<ProtectedResources, 'import'>,
  actor: Actor,
  realmName: string,
  text: string,
): AsyncGenerator<LineOutcome<ImportOutcome>[]> {
  return importLines(text, (entries) => resources.import(actor, realmName, entries))
}

/** Says what such an import would do, and does nothing. @throws Refusal as `importResourceLines` */
export function checkResourceLines(
  resources: Pick<ResourceSummaries, 'check'>,
  actor: Actor,
  realmName: string,
  text: string,
): Promise<LineOutcome<ImportOutcome>[]> {
  return checkLines(text, (entries) => resources.check(actor, realmName, entries))
}
