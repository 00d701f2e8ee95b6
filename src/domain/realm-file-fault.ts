/** Members and indexes from the document to a value. */
export type FilePath = readonly (string | number)[]

/** What is wrong in a realm file, and where. */
export interface RealmFileFault {
  /** Name of the file; `undefined`: standard input. */
  readonly file: string | undefined
  /** As `service_accounts[3].roles`; empty: the whole document. */
  readonly path: string
  /** From 1; `undefined`: not known. */
  readonly line: number | undefined
  /** A code of refusals. */
  readonly code: string
  readonly detail: string
}

/** Faults that one answer lists. */
export const MAX_FILE_FAULTS = 100

/** Everything that is wrong in realm files. Nothing was changed. */
export class RealmFileError extends Error {
  override readonly name = 'RealmFileError'
  readonly faults: readonly RealmFileFault[]

  constructor(faults: readonly RealmFileFault[]) {
    const told = faults.slice(0, MAX_FILE_FAULTS)
    const more = faults.length > told.length ? ['and more faults, which are not listed'] : []
    super([...told.map(faultText), ...more].join('\n'))
    this.faults = told
  }
}

function faultText({ file, path, line, detail }: RealmFileFault): string {
  const where = [file, line === undefined ? undefined : `line ${line}`, path || undefined]
  const told = where.filter((one) => one !== undefined)
  return told.length === 0 ? detail : `${told.join(': ')}: ${detail}`
}

/** For people: `service_accounts[3].roles`. A name that looks like none could be a secret in the wrong place. */
export function filePathText(path: FilePath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else {
      const name = /^[\w.$-]{1,40}$/.test(step) ? step : '?'
      text += text === '' ? name : `.${name}`
    }
  }
  return text
}
