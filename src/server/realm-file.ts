import type { Logger } from 'pino'
import { SERVER_ACTOR } from '../domain/actor.ts'
import { RealmFileError } from '../domain/realm-file-fault.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Operations } from '../operations/operations.ts'
import { readRealmFolder } from '../operations/realm-files/realm-file-folder.ts'

/**
 * Applies REALM_FILE before the server listens. It deletes nothing: a start is no time to confirm what goes.
 * @throws RealmFileError
 */
export async function applyRealmFile(
  path: string,
  { realmFiles }: Operations,
  logger: Logger,
): Promise<void> {
  try {
    const plans = await realmFiles.apply(SERVER_ACTOR, await readRealmFolder(path))
    for (const { realm, changes, notes } of plans) {
      const countOf = (wanted: string) => changes.filter(({ action }) => action === wanted).length
      const counts = { created: countOf('create'), updated: countOf('update') }
      logger.info({ realm, ...counts, notes }, `REALM_FILE: realm ${realm} is as its file says`)
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { code, message: detail } = error
    throw new RealmFileError([{ file: undefined, path: 'REALM_FILE', line: undefined, code, detail }])
  }
}
