import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { Refusal } from '../domain/refusal.ts'
import type { Terminal } from './terminal.ts'

/** Text of a file, or of standard input. */
export async function readLines(
  file: string | undefined,
  { input }: Pick<Terminal, 'input'>,
): Promise<string> {
  if (file === undefined) return readAll(input)
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Refusal('invalid', `${file} cannot be read: ${error.code}`)
  })
}
