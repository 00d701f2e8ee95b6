import t from 'tap'
import {
  bindingWarnings,
  type ClaimPath,
  FEDERATION_PRESETS,
  type FederationPreset,
  issuerWarnings,
  PRESET_NAMES,
  presetOf,
} from '../../src/domain/federation-presets.ts'
import { GITHUB_IMMUTABLE_SUBJECT, platformClaims, platformIssuer } from '../support/platform-tokens.ts'

const NOW = new Date('2026-11-28T12:00:00Z')

/** Claims that a platform sends in some cases alone. */
const SOMETIMES = new Set(['ec2_source_instance_arn', 'iss'])

function valueAt(claims: unknown, path: ClaimPath): unknown {
  return path.reduce<unknown>((value, member) => (value as Record<string, unknown>)?.[member], claims)
}

for (const name of PRESET_NAMES)
  t.test(`the preset ${name} fits the tokens that the platform documents`, async (t) => {
    const preset: FederationPreset = FEDERATION_PRESETS[name]
    const claims = platformClaims(name, 'https://auth.example/realms/acme', NOW)
    for (const { claim, example } of preset.claims.filter(({ claim }) => !SOMETIMES.has(claim.at(-1) ?? '')))
      t.equal(typeof valueAt(claims, claim), typeof example, claim.join('.'))
    for (const required of preset.requiredClaims) {
      t.ok(preset.claims.some(({ claim }) => claim.join() === required.join()))
      t.equal(typeof valueAt(claims, required), 'string')
    }
    t.match(platformIssuer(name), preset.issuerPattern)
    t.same(issuerWarnings(preset, platformIssuer(name)), preset.warnings)
    t.ok((claims['exp'] as number) - NOW.getTime() / 1000 <= preset.maxLifetimeSeconds)
    if (preset.issuer !== undefined) t.match(preset.issuer, preset.issuerPattern)
  })

t.test('a preset is found by its own name alone', async (t) => {
  t.equal(presetOf('github'), FEDERATION_PRESETS.github)
  for (const name of ['', 'GitHub', 'constructor', '__proto__', 'toString'])
    t.equal(presetOf(name), undefined)
})

t.test('an issuer is warned of where it does not look like one of the platform', async (t) => {
  for (const [name, issuer, like] of [
    ['github', 'https://token.actions.githubusercontent.com/acme', true],
    ['github', 'https://token.actions.octocorp.ghe.com', true],
    ['github', 'https://github.example/_services/token', true],
    ['github', 'https://token.actions.githubusercontent.com.evil.example', false],
    ['gitlab', 'https://gitlab.acme.example:8443/gitlab', true],
    ['gitlab', 'https://gitlab.com/', false],
    ['eks', 'https://oidc.eks.us-east-1.amazonaws.com', false],
    ['aks', 'https://westeurope.oic.prod-aks.azure.com/a/b', false],
    ['azure', 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0', true],
    ['azure', 'https://login.microsoftonline.com/common/v2.0', false],
    ['azure', 'https://sts.windows.net/11111111-2222-3333-4444-555555555555', false],
    ['aws', 'https://sts.amazonaws.com', false],
    ['spiffe', 'spiffe://example.org/path', false],
    ['spiffe', 'https://oidc.example.org', true],
  ] as const) {
    const said = issuerWarnings(presetOf(name), issuer).some((one) => one.includes('does not look like'))
    t.equal(said, !like, issuer)
  }
  for (const issuer of ['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local'])
    t.match(issuerWarnings(undefined, issuer), [/^Many clusters have this issuer/])
})

t.test('a binding is warned of where it holds for more, or for less, than it seems to', async (t) => {
  const name = ['kubernetes.io', 'serviceaccount', 'name']
  for (const [preset, rules, warning] of [
    [undefined, [{ claim: name, equals: 'default' }], /service account "default"/],
    ['gke', [{ claim: name, equals: ['billing', 'default'] }], /service account "default"/],
    [undefined, [{ claim: 'sub', equals: 'system:serviceaccount:prod:default' }], /"default"/],
    ['github', [{ claim: 'repository', equals: 'octo-org/octo-repo' }], /Pin repository_id too/],
    ['github', [{ claim: 'sub', equals: 'repo:octo-org/octo-repo:ref:refs/heads/main' }], /15 July 2026/],
    ['gcp', [{ claim: ['email'], equals: 'a@b.iam.gserviceaccount.com' }], /Pin sub too/],
    ['gitlab', [{ claim: 'project_path', matches: 'my-group/*' }], /Pin project_id too/],
  ] as const)
    t.match(bindingWarnings(preset, rules), [warning])
  for (const [preset, rules] of [
    ['kubernetes', [{ claim: name, equals: 'billing' }]],
    ['github', [{ claim: 'sub', equals: GITHUB_IMMUTABLE_SUBJECT }]],
    [
      'github',
      [
        { claim: 'repository', equals: 'octo-org/octo-repo' },
        { claim: 'repository_id', equals: '74' },
      ],
    ],
    [
      null,
      [
        { claim: ['toString'], equals: 1 },
        { claim: '__proto__', equals: true },
      ],
    ],
  ] as const)
    t.same(bindingWarnings(preset, rules), [])
})
