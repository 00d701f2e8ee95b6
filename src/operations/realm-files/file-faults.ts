import {
  type FilePath,
  filePathText,
  MAX_FILE_FAULTS,
  RealmFileError,
  type RealmFileFault,
} from '../../domain/realm-file-fault.ts'
import { Refusal } from '../../domain/refusal.ts'

/** Where a fault is, and how its line is found. */
export interface Place {
  readonly file: string | undefined
  lineOf(path: FilePath): number | undefined
}

/** Collects what is wrong, so that all of it can be told at once. */
export class FileFaults {
  readonly #faults: RealmFileFault[] = []

  get found(): boolean {
    return this.#faults.length > 0
  }

  add(place: Place, path: FilePath, { code = 'invalid', detail }: { code?: string; detail: string }): void {
    // One more than is told.
    if (this.#faults.length > MAX_FILE_FAULTS) return
    const line = this.#faults.length < MAX_FILE_FAULTS ? place.lineOf(path) : undefined
    this.#faults.push({ file: place.file, path: filePathText(path), line, code, detail })
  }

  /** What an operation refused: its field is below the path. */
  refused(place: Place, path: FilePath, { code, message, field }: Refusal): void {
    const below =
      field === undefined ? [] : field.split('.').map((one) => (/^\d+$/.test(one) ? Number(one) : one))
    this.add(place, [...path, ...below], { code, detail: message })
  }

  /** @throws RealmFileError where there are any */
  throwAny(): void {
    if (!this.found) return
    const files = this.#faults.map(({ file }) => file)
    const lineOf = ({ line = Number.POSITIVE_INFINITY }: RealmFileFault) => line
    throw new RealmFileError(
      this.#faults.toSorted(
        (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || lineOf(a) - lineOf(b) || 0,
      ),
    )
  }
}

/** Runs what may refuse, and collects its refusal. Returns whether there was none. */
export async function collecting(
  faults: FileFaults,
  place: Place,
  path: FilePath,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    faults.refused(place, path, error)
    return false
  }
}
