import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { RealmSettings } from '../../src/domain/realm.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'

export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

export interface World {
  readonly issuer: string
  /** Where the server listens by HTTP. */
  readonly origin: string
  readonly clientId: string
  readonly clientSecret: string
  /** Holds the file `secret`; gone when the test ends. */
  readonly folder: string
  /** The environment that the quick starts tell of. */
  readonly env: NodeJS.ProcessEnv
  readonly now: () => Date
  /** A token of the account, or of another one. */
  token(of?: Credentials): Promise<string>
  /** Another account of the realm. */
  addAccount(roles: readonly string[], scopes?: readonly string[]): Promise<Credentials>
  /** The name of the key that signs. */
  kid(): Promise<string>
  deleteAccount(): Promise<void>
  /** Makes a new key sign, and says how the new tokens name it. */
  rotateKeys(): Promise<string>
}

export interface WorldOptions extends Partial<RealmSettings> {
  readonly accountScopes?: readonly string[]
  /** What callers reach the server by. Default: where it listens. */
  readonly publicUrl?: string
}

/**
 * A realm and an account, on a server that peers reach. Its clock is ten minutes behind until the keys rotate, so that
 * a new key has been published for long enough and no token is of the future.
 */
export async function peerWorld(
  t: Test,
  { accountScopes, publicUrl, ...settings }: WorldOptions = {},
): Promise<World> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  let secondsBehind = 600
  const now = () => new Date(Date.now() - secondsBehind * 1000)
  const clock = { now: now(), read: now, advance: () => {} }
  const { app, operations } = await testServer(t, { publicUrl: publicUrl ?? origin, clock })
  await operations.realms.create(TESTER, 'acme', {
    tokenLifetimeSeconds: 3600,
    jwksMaxAgeSeconds: 1,
    ...settings,
  })
  const addAccount = async (roles: readonly string[], scopes?: readonly string[]) => {
    const request = { name: `peer ${Math.random()}`, roles, ...(scopes && { scopes }) }
    const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', request)
    return { clientId: account.clientId, clientSecret }
  }
  const account = await addAccount([], accountScopes)
  await app.listen({ port, host: 'localhost' })
  const issuer = `${publicUrl ?? origin}/realms/acme`
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-peer-'))
  writeFileSync(join(folder, 'secret'), account.clientSecret)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const token = (of: Credentials = account) => tokenOf(origin, of)
  return {
    issuer,
    origin,
    ...account,
    folder,
    env: environment(issuer, account.clientId, folder),
    now,
    token,
    addAccount,
    kid: async () => kidOf(await token()),
    deleteAccount: () => operations.accounts.delete(TESTER, 'acme', account.clientId),
    async rotateKeys() {
      const before = kidOf(await token())
      await operations.signingKeys.rotate(TESTER, 'acme')
      secondsBehind = 0
      await operations.signingKeys.rotateDue()
      const after = kidOf(await token())
      if (after === before) throw new Error('the key did not rotate')
      return after
    },
  }
}

function environment(issuer: string, clientId: string, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NODE_OPTIONS: '',
    MINTMARK_ISSUER: issuer,
    MINTMARK_CLIENT_ID: clientId,
    MINTMARK_CLIENT_SECRET_FILE: join(folder, 'secret'),
    // requests-oauthlib refuses plain HTTP without it.
    OAUTHLIB_INSECURE_TRANSPORT: '1',
  }
}

async function tokenOf(origin: string, { clientId, clientSecret }: Credentials): Promise<string> {
  const answer = await fetch(`${origin}/realms/acme/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  if (!answer.ok) throw new Error(`no token: ${await answer.text()}`)
  return ((await answer.json()) as { access_token: string }).access_token
}

function kidOf(token: string): string {
  const [header = ''] = token.split('.')
  return JSON.parse(Buffer.from(header, 'base64url').toString()).kid
}
