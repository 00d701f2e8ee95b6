import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, open, readFile, unlink } from 'node:fs/promises'
import { generateMasterKey, WrongMasterKeyError } from './sealing.ts'

/** The file of the master key is missing, but the database holds values that it sealed. */
export class MissingMasterKeyError extends Error {
  override readonly name = 'MissingMasterKeyError'
}

/**
 * Master keys of a file, one a line; the first one seals. Creates a missing file with mode 0600; processes that do so at
 * once agree on one key.
 * @param mayMake whether nothing is sealed yet
 * @throws WrongMasterKeyError
 * @throws MissingMasterKeyError
 */
export async function openMasterKeyFile(path: string, mayMake: () => Promise<boolean>): Promise<string[]> {
  if (!existsSync(path)) {
    if (await mayMake()) await createMasterKeyFile(path)
    // Another process may have created the file, and sealed something, meanwhile.
    else if (!existsSync(path))
      throw new MissingMasterKeyError(
        `${path} is gone, and the database holds keys that it sealed: put the file back from your backup`,
      )
  }
  const keys = (await readFile(path, 'utf8')).split(/\s+/).filter(Boolean)
  if (keys.length === 0 || !keys.every((key) => /^[\w-]{43}$/.test(key)))
    throw new WrongMasterKeyError(`${path} must hold keys of 32 bytes in base64url, one a line`)
  return keys
}

async function createMasterKeyFile(path: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${generateMasterKey()}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  // A hard link appears whole or not at all, and never replaces an existing key.
  await Promise.allSettled([link(draft, path)])
  await unlink(draft)
}
