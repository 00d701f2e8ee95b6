import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import t from 'tap'
import {
  FEDERATION_PRESETS,
  type FederationPreset,
  PRESET_NAMES,
} from '../../src/domain/federation-presets.ts'
import { keyPair } from '../support/assertion.ts'
import { mintmark } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { GITHUB_IMMUTABLE_SUBJECT, platformClaims, testPlatform } from '../support/platform-tokens.ts'
import { temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('a token as each platform documents it gets a token, by its preset and uploaded keys', async (t) => {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
  const { app, operations, log } = await testServer(t, { publicUrl, clock })
  await app.listen({ port, host: 'localhost' })
  const path = join(temporaryFolder(t), 'token')
  const [pair, others] = [keyPair('RS256'), keyPair('RS256')]
  for (const name of PRESET_NAMES) {
    const { requiredClaims }: FederationPreset = FEDERATION_PRESETS[name]
    const platform = testPlatform(name, pair)
    await operations.realms.create(TESTER, name, {})
    const request = { name: 'workload', authMethods: ['federated'] } as const
    const { clientId } = (await operations.accounts.create(TESTER, name, request)).account
    const keys = { source: 'jwks', jwks: platform.jwks }
    const { issuer } = await operations.trustedIssuers.create(TESTER, name, {
      preset: name,
      issuer: platform.issuer,
      keys,
    })
    const claims = platformClaims(name, '', new Date())
    const valueAt = (claim: readonly string[]) =>
      claim.reduce<unknown>((value, member) => (value as Record<string, unknown>)[member], claims)
    const rules = requiredClaims.map((claim) => ({ claim, equals: valueAt(claim) }))
    await operations.workloadIdentities.create(TESTER, name, clientId, { trustedIssuer: issuer.id, rules })

    const url = `${publicUrl}/realms/${name}`
    const ask = async (token: string) => {
      writeFileSync(path, token)
      const { stdout, stderr } = await mintmark(['token', '--from', `file:${path}`, '--issuer', url], {})
      return stdout.trim() || stderr
    }
    const got = await ask(platform.token(url, new Date()))
    t.match(got, /^[\w-]+\.[\w-]+\.[\w-]+$/, `${name}: ${got} ${log.at(-1)}`)
    t.match(decodeJwt(got), { sub: clientId, iss: url }, name)
    const [first = []] = requiredClaims
    const [outer = ''] = first
    for (const [what, token] of [
      ['of another workload', platform.token(url, new Date(), { [outer]: 'other' })],
      ['for another audience', platform.token('https://api.example', new Date())],
      ['signed by somebody else', testPlatform(name, others).token(url, new Date())],
    ] as const)
      t.match(await ask(token), /401 invalid_client/, `${name}: ${what}`)
    if (name === 'github')
      t.match(await ask(platform.token(url, new Date(), { sub: GITHUB_IMMUTABLE_SUBJECT })), /^eyJ/)
  }
})
