import type { Test } from 'tap'
import type { SentSettings } from '../../src/operations/federation/sent-issuer.ts'
import { mintmark } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'

export interface Bound {
  readonly clientId: string
  /** Of the workload identity. */
  readonly id: string
}

export interface FederationWorld {
  readonly issuer: string
  /** What the server has logged. */
  readonly log: readonly string[]
  /** Trusts an issuer. Returns its id. */
  trust(settings: SentSettings): Promise<string>
  /** A new account that tokens get in as for which the rules hold. */
  bind(trustedIssuer: string, rules: readonly object[]): Promise<Bound>
  unbind(bound: Bound): Promise<void>
  /** What `mintmark token` prints to a workload: a token, or why there is none. */
  token(from: string, env?: Readonly<Record<string, string>>): Promise<string>
  /** Claims of such a token. */
  claims(from: string, env?: Readonly<Record<string, string>>): Promise<Record<string, unknown>>
}

/** A realm on a server that listens, which may fetch keys from this machine, from servers of this authority too. */
export async function federationWorld(t: Test, ca?: string): Promise<FederationWorld> {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
  const keyFetching = { networks: ['127.0.0.0/8', '::1/128'], ca }
  const { app, operations, log } = await testServer(t, { publicUrl, clock, keyFetching })
  await operations.realms.create(TESTER, 'acme', {})
  await app.listen({ port, host: 'localhost' })
  const issuer = `${publicUrl}/realms/acme`
  let count = 0
  const token = async (from: string, env = {}) => {
    const { stdout, stderr } = await mintmark(['token', '--from', from, '--issuer', issuer], env)
    return stdout.trim() || stderr.trim()
  }
  return {
    issuer,
    log,
    token,
    trust: async (settings) => (await operations.trustedIssuers.create(TESTER, 'acme', settings)).issuer.id,
    async bind(trustedIssuer, rules) {
      const request = { name: `workload ${++count}`, authMethods: ['federated'] } as const
      const { clientId } = (await operations.accounts.create(TESTER, 'acme', request)).account
      const sent = { trustedIssuer, rules }
      const { identity } = await operations.workloadIdentities.create(TESTER, 'acme', clientId, sent)
      return { clientId, id: identity.id }
    },
    unbind: ({ clientId, id }) => operations.workloadIdentities.delete(TESTER, 'acme', clientId, id),
    async claims(from, env) {
      const text = await token(from, env)
      const [, claims = ''] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(text) ?? []
      if (claims === '') throw new Error(`${text}\n${log.slice(-3).join('\n')}`)
      return JSON.parse(Buffer.from(claims, 'base64url').toString())
    },
  }
}

export const REFUSED = /401 invalid_client/
