import type { PresetName } from '../../src/domain/federation-presets.ts'
import { type KeyPair, keyPair, signAssertion } from './assertion.ts'

type Claims = Readonly<Record<string, unknown>>

/** What a platform sends, as it documents it; times are seconds from now. */
interface Platform {
  readonly issuer?: string
  readonly lives: { readonly iat?: number; readonly nbf?: number; readonly exp: number }
  readonly claims: Claims
  readonly header?: Claims
  /** The documented form of aud. */
  readonly audienceIsList?: true
}

const AWS = 'https://sts.amazonaws.com/'
const TENANT = '11111111-2222-3333-4444-555555555555'

function pod(issuer: string): Platform {
  return {
    issuer,
    audienceIsList: true,
    lives: { iat: 0, nbf: 0, exp: 3600 },
    header: { kid: 'k8s' },
    claims: {
      jti: 'ea28ed49-2e11-4280-9ec5-bc3d1d84661a',
      'kubernetes.io': {
        namespace: 'prod',
        node: { name: 'node-1', uid: '58456cb0-dd00-45ed-b797-5578fdceaced' },
        pod: { name: 'billing-69cbfb9798-jv9gn', uid: '778a530c-b3f4-47c0-9cd5-ab018fb64f33' },
        serviceaccount: { name: 'billing', uid: 'a087d5a0-e1dd-43ec-93ac-f13d89cd13af' },
      },
      sub: 'system:serviceaccount:prod:billing',
    },
  }
}

const GITHUB: Platform = {
  issuer: 'https://token.actions.githubusercontent.com',
  lives: { nbf: -300, iat: 0, exp: 300 },
  header: { typ: 'JWT', kid: 'github', x5t: 'github' },
  claims: {
    jti: 'example-id',
    sub: 'repo:octo-org/octo-repo:environment:prod',
    environment: 'prod',
    ref: 'refs/heads/main',
    ref_protected: 'true',
    sha: 'example-sha',
    repository: 'octo-org/octo-repo',
    repository_owner: 'octo-org',
    actor_id: '12',
    repository_visibility: 'private',
    repository_id: '74',
    repository_owner_id: '65',
    run_id: 'example-run-id',
    run_number: '10',
    run_attempt: '2',
    runner_environment: 'github-hosted',
    actor: 'octocat',
    workflow: 'example-workflow',
    workflow_ref: 'octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main',
    head_ref: '',
    base_ref: '',
    event_name: 'workflow_dispatch',
    ref_type: 'branch',
    job_workflow_ref: 'octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main',
  },
}

const GITLAB: Platform = {
  issuer: 'https://gitlab.com',
  lives: { iat: 0, nbf: -5, exp: 3600 },
  header: { kid: 'gitlab', typ: 'JWT' },
  claims: {
    namespace_id: '72',
    namespace_path: 'my-group',
    project_id: '20',
    project_path: 'my-group/my-project',
    user_id: '1',
    user_login: 'sample-user',
    user_email: 'sample-user@example.com',
    user_access_level: 'developer',
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'feature-branch-1',
    ref_type: 'branch',
    ref_path: 'refs/heads/feature-branch-1',
    ref_protected: 'false',
    environment: 'test-environment2',
    environment_protected: 'false',
    deployment_tier: 'testing',
    environment_action: 'start',
    runner_id: 1,
    runner_environment: 'self-hosted',
    sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
    project_visibility: 'public',
    ci_config_ref_uri: 'gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main',
    ci_config_sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
    jti: '235b3a54-b797-45c7-ae9a-f72d7bc6ef5b',
    sub: 'project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1',
  },
}

const PLATFORMS: Readonly<Record<PresetName, Platform>> = {
  github: GITHUB,
  gitlab: GITLAB,
  kubernetes: pod('https://kubernetes.example'),
  eks: pod('https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF'),
  gke: pod('https://container.googleapis.com/v1/projects/my-project/locations/europe-west3/clusters/c1'),
  aks: pod(`https://westeurope.oic.prod-aks.azure.com/${TENANT}/66666666-2222-3333-4444-555555555555/`),
  aws: {
    issuer: 'https://a1ebc705-cd4d-42b4-93b5-96e93acfb431.tokens.sts.global.api.aws',
    lives: { iat: 0, exp: 300 },
    header: { kid: 'RSA_0', typ: 'JWT' },
    claims: {
      sub: 'arn:aws:iam::123456789012:role/DataProcessingRole',
      jti: 'c9c99a1c-5763-4db3-87c4-b96d4749b0d0',
      [AWS]: {
        aws_account: '123456789012',
        source_region: 'us-east-1',
        org_id: 'o-abc1234567',
        ou_path: ['o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/'],
        principal_id: 'arn:aws:iam::123456789012:role/DataProcessingRole',
        principal_tags: { environment: 'production', team: 'data-engineering', 'cost-center': 'engineering' },
        lambda_source_function_arn: 'arn:aws:lambda:us-east-1:123456789012:function:process-data',
        request_tags: { 'job-id': 'job-2024-001', priority: 'high' },
      },
    },
  },
  gcp: {
    issuer: 'https://accounts.google.com',
    lives: { iat: 0, exp: 3600 },
    header: { kid: 'google', typ: 'JWT' },
    claims: {
      azp: '112179062720391305885',
      email: 'billing@my-project.iam.gserviceaccount.com',
      email_verified: true,
      google: {
        compute_engine: {
          instance_creation_timestamp: 1624116928,
          instance_id: '5055893581146000589',
          instance_name: 'billing-1',
          project_id: 'my-project',
          project_number: 1071284184436,
          zone: 'us-central1-a',
        },
      },
      sub: '112179062720391305885',
    },
  },
  azure: {
    issuer: `https://sts.windows.net/${TENANT}/`,
    // A day, and five minutes that iat lies back.
    lives: { iat: -300, nbf: -300, exp: 86_400 },
    header: { typ: 'JWT', kid: 'entra', x5t: 'entra' },
    claims: {
      aio: 'E2BgYDDgbUu/cuX6X9+lv44s3e4gDwA=',
      appid: '22222222-3333-4444-5555-666666666666',
      appidacr: '2',
      idp: `https://sts.windows.net/${TENANT}/`,
      idtyp: 'app',
      oid: '33333333-4444-5555-6666-777777777777',
      sub: '33333333-4444-5555-6666-777777777777',
      tid: TENANT,
      uti: 'yO3F62CSGkedkoxqPrkWAA',
      ver: '1.0',
      xms_mirid:
        '/subscriptions/28af6932-cb76-431f-ba61-5ec6d1e8b422/resourcegroups/prod/providers/Microsoft.ManagedIdentity/userAssignedIdentities/billing',
    },
  },
  spiffe: {
    audienceIsList: true,
    lives: { iat: 0, exp: 300 },
    header: { kid: 'spire', typ: 'JWT' },
    claims: { sub: 'spiffe://example.org/billing/worker' },
  },
}

/** The issuer that a realm trusts for such tokens. */
export function platformIssuer(name: PresetName): string {
  return PLATFORMS[name].issuer ?? 'spiffe://example.org'
}

/** The documented claims of a platform; those given replace or, as `undefined`, remove them. */
export function platformClaims(name: PresetName, audience: string, now: Date, claims: Claims = {}): Claims {
  const { issuer, lives, claims: documented, audienceIsList } = PLATFORMS[name]
  const at = Math.floor(now.getTime() / 1000)
  const times = Object.fromEntries(Object.entries(lives).map(([claim, offset]) => [claim, at + offset]))
  const aud = audienceIsList ? [audience] : audience
  return { ...documented, ...(issuer !== undefined && { iss: issuer }), aud, ...times, ...claims }
}

export interface TestPlatform {
  readonly issuer: string
  /** Public keys, as the platform publishes them. */
  readonly jwks: { readonly keys: readonly Record<string, string>[] }
  token(audience: string, now: Date, claims?: Claims, header?: Claims): string
}

/** A platform with a key of its own, that sends what the real one documents. */
export function testPlatform(name: PresetName, pair: KeyPair = keyPair('RS256')): TestPlatform {
  const header = { alg: 'RS256', ...PLATFORMS[name].header }
  const { n, e } = pair.publicKey.export({ format: 'jwk' }) as Record<string, string>
  const kid = String(header['kid' as keyof typeof header])
  // SPIFFE bundles say what a key is for by a use of their own.
  const use = name === 'spiffe' ? 'jwt-svid' : 'sig'
  return {
    issuer: platformIssuer(name),
    jwks: { keys: [{ kty: 'RSA', n: n as string, e: e as string, kid, use }] },
    token: (audience, now, claims, more) =>
      signAssertion(pair, { ...header, ...more }, platformClaims(name, audience, now, claims)),
  }
}

/** A subject of GitHub since 15 July 2026. */
export const GITHUB_IMMUTABLE_SUBJECT = 'repo:octo-org@65/octo-repo@74:environment:prod'
