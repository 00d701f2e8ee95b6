import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { KeyAlgorithm } from '../../src/domain/client-key.ts'
import { keyClient } from './assertion.ts'
import { freePort } from './free-port.ts'
import { adminOf, type Browser, secretIn } from './portal.ts'
import { temporaryFolder } from './process.ts'
import { TESTER, type TestServer, testClock, testServer } from './server.ts'
import { snippetsIn } from './snippets.ts'

export const SCOPES = ['view', "it's-$HOME-`x`"] as const
export const RESOURCE = "https://api.example/it's/$HOME?a=b&c=`x`"

export interface SnippetPlace {
  readonly server: TestServer
  readonly browser: Browser
}

/** A server that listens, and an Account Admin of realm acme, whose scopes and audience would end a careless text. */
export async function snippetPlace(t: Test): Promise<SnippetPlace> {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  // Other programs sign with the time that it is.
  const server = await testServer(t, { publicUrl, clock: { ...testClock(), read: () => new Date() } })
  await server.operations.realms.create(TESTER, 'acme', { scopes: SCOPES, audiences: [RESOURCE] })
  await server.app.listen({ port, host: 'localhost' })
  return { server, browser: await adminOf(server, 'acme') }
}

const LIST = '/portal/acme/service-accounts'

export interface SnippetAccount {
  readonly clientId: string
  readonly programs: ReadonlyMap<string, string>
  /** What the programs need beside their text. */
  readonly env: Readonly<Record<string, string>>
}

/** A new account with a secret, and the programs of the page that shows it once. */
export async function accountWithSecret({ browser }: SnippetPlace, name: string): Promise<SnippetAccount> {
  const page = await browser.submit(`${LIST}/create`, `${LIST}/create`, { name })
  const [, clientId = ''] = /<code id="client-id">([^<]+)</.exec(page.body) ?? []
  return { clientId, programs: snippetsIn(page.body, 'secret'), env: { CLIENT_SECRET: secretIn(page) } }
}

/** A new account with a key, and the programs of its page. */
export async function accountWithKey(
  t: Test,
  { server, browser }: SnippetPlace,
  algorithm: KeyAlgorithm,
): Promise<SnippetAccount> {
  const { clientId, pair } = await keyClient(server, { algorithm, name: algorithm })
  const file = join(temporaryFolder(t), 'private.pem')
  writeFileSync(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const { body } = await browser.get(`${LIST}/${clientId}`)
  return { clientId, programs: snippetsIn(body, 'key'), env: { PRIVATE_KEY_FILE: file } }
}
