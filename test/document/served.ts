import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { tokenFor } from '../support/admin.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

/** Where test/document/set-up.sh puts the tools of others. */
const TOOLS = process.env['MINTMARK_DOCUMENT_TOOLS'] ?? join(homedir(), '.cache/mintmark-document')

export const tool = (name: string) => join(TOOLS, name)

/** What tap is told of a tool that is missing. */
export function missing(...names: readonly string[]): string | false {
  const absent = names.filter((name) => !existsSync(tool(name)))
  return absent.length > 0 && `${absent.join(', ')} missing in ${TOOLS}: run test/document/set-up.sh`
}

/** A server that listens, its document as a file, and a token of a platform administrator for an hour. */
export async function served(t: Test) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = await testServer(t, { publicUrl: url, clock: testClock(new Date()) })
  const { operations, app } = server
  await operations.realms.create(TESTER, 'acme', { tokenLifetimeSeconds: 3600 })
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  await operations.realms.update(TESTER, 'system', { tokenLifetimeSeconds: 3600 })
  await app.listen({ port, host: '127.0.0.1' })
  const token = await tokenFor(server, 'system', 'root', 'a secret of the platform', `${url}/admin`)
  const folder = temporaryFolder(t)
  const file = join(folder, 'openapi.json')
  writeFileSync(file, await (await fetch(`${url}/admin/openapi.json`)).text())
  return { ...server, url, token, folder, file }
}
