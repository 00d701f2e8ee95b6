import type { FilePath } from '../../domain/realm-file-fault.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { inSavepoint } from '../../storage/database.ts'
import { collecting, type FileFaults } from './file-faults.ts'
import type { ReadRealm } from './file-reader.ts'
import type { RealmReader } from './present-realm.ts'
import type { PlannedChange } from './realm-plan.ts'

/** One realm of a file as it is applied. */
export interface FileWork extends RealmReader {
  readonly db: DatabaseTransaction
  readonly publicUrl: string
  readonly file: ReadRealm
  readonly prune: boolean
  readonly faults: FileFaults
  readonly changes: PlannedChange[]
  readonly notes: string[]
}

/** Does one operation; what is refused is collected, and undone. Returns whether it was done. */
export function attempt(
  { db, file, faults }: FileWork,
  path: FilePath,
  work: () => Promise<void>,
): Promise<boolean> {
  return collecting(faults, file, path, () => inSavepoint(db, work))
}

/** Maximum for a realm and a kind: each deletion is an operation of its own, in one transaction. */
export const MAX_DELETIONS = 10_000

/** Refuses to prune more than one transaction can. */
export function mayDelete(
  { file, faults }: FileWork,
  list: string,
  count: number,
  limit = MAX_DELETIONS,
): boolean {
  if (count <= limit) return true
  const detail = `More than ${limit} of these would be deleted at once: delete them by the admin API.`
  faults.add(file, [list], { code: 'limit_reached', detail })
  return false
}
