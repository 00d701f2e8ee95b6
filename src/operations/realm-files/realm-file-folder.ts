import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Refusal } from '../../domain/refusal.ts'

/** Larger than any realm file, and what one text may have. */
const MAX_BYTES = 256 * 1024 * 1024

/** The realm files of a folder, in order of their names, or the one file. @throws Refusal `invalid` */
export async function readRealmFolder(
  path: string,
): Promise<readonly { readonly name: string; readonly text: string }[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [await readOne(path, path)]
    // A ConfigMap is a folder of links beside hidden folders.
    const names = (await readdir(path)).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name)).sort()
    if (names.length === 0) throw new Refusal('invalid', `${path} has no file *.yaml, *.yml or *.json.`)
    return await Promise.all(names.map((name) => readOne(join(path, name), name)))
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('invalid', `${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

async function readOne(
  path: string,
  name: string,
): Promise<{ readonly name: string; readonly text: string }> {
  if ((await stat(path)).size > MAX_BYTES)
    throw new Refusal('invalid', `${basename(path)} is too large for a realm file.`)
  const bytes = await readFile(path)
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    throw new Refusal('invalid', `${basename(path)} is not UTF-8.`)
  }
}
