import asyncHooks, { type AsyncHook } from 'node:async_hooks'
import { readdirSync } from 'node:fs'
import { registerHooks, syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import type { Test } from 'tap'

const TESTS = join(import.meta.dirname, '..')
const TEST_OF_FILE = new URL('test-of-file.ts', import.meta.url).href
const FILE_MILLISECONDS = 900_000

// tap watches each promise, a tenth of all work, to tell whose error it was. A suite tells that by itself.
const { createHook } = asyncHooks
const noHook: AsyncHook = { enable: () => noHook, disable: () => noHook }
asyncHooks.createHook = () => noHook
syncBuiltinESMExports()
const { default: t } = await import('tap')
asyncHooks.createHook = createHook
syncBuiltinESMExports()

let running: Test = t
let loaded = 0

/** The test of the file that is loaded now; test-of-file.ts passes it to the file. */
export const testOfFile = (): Test => running

// tap turns them on. Types are stripped in place, so they tell nothing and cost a fortieth of all work.
process.setSourceMapsEnabled(false)

/** Runs the test files of these folders one after another in this process, which loads the product once for all. */
export async function runFolders(...folders: readonly string[]): Promise<void> {
  giveEachFileItsTest()
  t.setTimeout(0)
  // What a file leaves behind fails that file, and the next ones still run.
  process.on('uncaughtException', (error) => running.threw(error))
  // A file that waits for what never comes fails by its time limit, instead of ending the process.
  const keepAlive = setInterval(() => {}, 60_000)
  for (const file of folders.flatMap(testFiles))
    await t.test(`test/${file}`, { timeout: FILE_MILLISECONDS }, async (t) => {
      running = t
      loaded++
      await import(join(TESTS, file))
    })
  clearInterval(keepAlive)
}

/** What a test file imports as `tap` is its own subtest, so its hooks and teardowns end with it. */
function giveEachFileItsTest(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'tap' && context.parentURL?.endsWith('.test.ts')
        ? { url: `${TEST_OF_FILE}?${loaded}`, shortCircuit: true }
        : next(specifier, context),
  })
}

function testFiles(folder: string): string[] {
  return readdirSync(join(TESTS, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
}
