import t from 'tap'
import { holds } from '../../src/domain/claim-rule.ts'
import {
  FEDERATION_PRESETS,
  type FederationPreset,
  PRESET_NAMES,
} from '../../src/domain/federation-presets.ts'
import { parsePlatformToken } from '../../src/domain/platform-token.ts'
import { faultOfToken } from '../../src/domain/platform-token-steps.ts'
import { parseIssuerSettings, type TrustedIssuer } from '../../src/domain/trusted-issuer.ts'
import { parseIdentity, pinsOfToken } from '../../src/domain/workload-identity.ts'
import { keyPair } from '../support/assertion.ts'
import {
  GITHUB_IMMUTABLE_SUBJECT,
  platformClaims,
  platformIssuer,
  testPlatform,
} from '../support/platform-tokens.ts'

const AUDIENCE = 'https://auth.example/realms/acme'
const NOW = new Date('2026-11-28T12:00:00Z')
const KEYS = keyPair('RS256')

/** As an administrator gets it by the preset alone. */
function trusted(name: (typeof PRESET_NAMES)[number], maxLifetimeSeconds?: number): TrustedIssuer {
  const preset: FederationPreset = FEDERATION_PRESETS[name]
  const settings = parseIssuerSettings({
    issuer: platformIssuer(name),
    preset: name,
    keys: preset.keys ? { kind: 'discovery', address: platformIssuer(name) } : { kind: 'jwks', keys: [] },
    maxLifetimeSeconds: maxLifetimeSeconds ?? preset.maxLifetimeSeconds,
    requiredClaims: preset.requiredClaims,
  })
  return { ...settings, id: '1', ending: undefined, version: 1, createdAt: NOW, updatedAt: NOW }
}

function faultOf(issuer: TrustedIssuer, text: string, now = NOW) {
  const token = parsePlatformToken(text)
  if (typeof token === 'string') return token
  return faultOfToken({ token, issuer, audiences: [AUDIENCE], now })
}

for (const name of PRESET_NAMES)
  t.test(`a token as ${name} documents it passes the checks with the preset alone`, async (t) => {
    const platform = testPlatform(name, KEYS)
    const issuer = trusted(name)
    t.equal(faultOf(issuer, platform.token(AUDIENCE, NOW)), undefined)
    t.equal(faultOf(issuer, platform.token('https://elsewhere.example', NOW)), 'audience')

    const claims = platformClaims(name, AUDIENCE, NOW)
    const rules = FEDERATION_PRESETS[name].requiredClaims.map((claim: readonly string[]) => {
      const value = claim.reduce<unknown>(
        (inner, member) => (inner as Record<string, unknown>)[member],
        claims,
      )
      return { claim, equals: value }
    })
    const { rules: parsed, pins } = parseIdentity({ rules }, issuer.requiredClaims)
    t.ok(parsed.every((rule) => holds(rule, claims)))
    t.ok(pins.some((pin) => pinsOfToken(claims, issuer.requiredClaims).includes(pin)))
  })

t.test('a token of Azure is a day and five minutes long, and no other lifetime is exceeded', async (t) => {
  const platform = testPlatform('azure', KEYS)
  const token = platform.token(AUDIENCE, NOW)
  t.equal(faultOf(trusted('azure'), token), undefined)
  t.equal(faultOf(trusted('azure'), token, new Date(NOW.getTime() + 86_399_000)), undefined)
  t.equal(faultOf(trusted('azure', 86_399), token), 'lifetime_too_long')
  const at = NOW.getTime() / 1000
  const longer = platform.token(AUDIENCE, NOW, { iat: at - 300, exp: at + 86_401 })
  t.equal(faultOf(trusted('azure'), longer), 'lifetime_too_long')
})

t.test('GitHub’s ids hold for the old sub and the new one alike', async (t) => {
  const rules = [
    { claim: 'repository_id', equals: '74' },
    { claim: 'repository_owner_id', equals: '65' },
    { claim: 'environment', equals: 'prod' },
  ]
  const { requiredClaims } = FEDERATION_PRESETS.github
  const { rules: parsed, pins } = parseIdentity({ rules }, requiredClaims)
  for (const sub of ['repo:octo-org/octo-repo:environment:prod', GITHUB_IMMUTABLE_SUBJECT]) {
    const claims = platformClaims('github', AUDIENCE, NOW, { sub })
    t.ok(parsed.every((rule) => holds(rule, claims)))
    t.ok(pins.some((pin) => pinsOfToken(claims, requiredClaims).includes(pin)))
  }
  // A repository of the same name, made again by somebody else.
  const recycled = platformClaims('github', AUDIENCE, NOW, { repository_id: '99', repository_owner_id: '98' })
  t.notOk(parsed.every((rule) => holds(rule, recycled)))
})
