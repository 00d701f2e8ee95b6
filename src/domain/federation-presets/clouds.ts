import type { FederationPreset } from './preset.ts'

const STS = 'https://sts.amazonaws.com/'

const AWS: FederationPreset = {
  title: 'AWS (outbound identity federation)',
  issuerPattern: /^https:\/\/[0-9a-z-]{8,64}\.tokens\.sts\.[\w.-]*(api\.aws|amazonaws\.com(\.cn)?)$/,
  issuerExample: 'https://01234567-89ab-cdef-0123-456789abcdef.tokens.sts.global.api.aws',
  keys: { source: 'discovery' },
  requiredClaims: [['sub']],
  maxLifetimeSeconds: 3600,
  claims: [
    {
      claim: ['sub'],
      meaning: 'ARN of the IAM role or user that asked for the token.',
      example: 'arn:aws:iam::123456789012:role/DataProcessingRole',
    },
    { claim: [STS, 'aws_account'], meaning: 'Account that the role is in.', example: '123456789012' },
    {
      claim: [STS, 'principal_id'],
      meaning: 'ARN of the role that asked, also where sub is somebody that it acts for.',
      example: 'arn:aws:iam::123456789012:role/DataProcessingRole',
    },
    { claim: [STS, 'org_id'], meaning: 'Organization of the account.', example: 'o-abc1234567' },
    { claim: [STS, 'source_region'], meaning: 'Region that the request came from.', example: 'us-east-1' },
    {
      claim: [STS, 'lambda_source_function_arn'],
      meaning: 'The Lambda function that asked.',
      example: 'arn:aws:lambda:us-east-1:123456789012:function:process-data',
    },
    {
      claim: [STS, 'ec2_source_instance_arn'],
      meaning: 'The EC2 instance that asked.',
      example: 'arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0',
    },
    {
      claim: [STS, 'principal_tags', 'team'],
      meaning: 'A tag of the role; others by their own names.',
      example: 'data-engineering',
    },
    {
      claim: [STS, 'request_tags', 'job-id'],
      meaning: 'Text that the workload chose in its request. It proves nothing.',
      example: 'job-2024-001',
    },
  ],
  warnings: [
    'Each AWS account has an issuer of its own. Everybody who may act as the role gets its tokens.',
    'With SubjectMode OriginIdentity, sub is somebody whom a role of the account acts for: pin principal_id too.',
    'The caller chooses request_tags: do not base a rule on them alone.',
  ],
}

const GCP: FederationPreset = {
  title: 'Google Cloud',
  issuer: 'https://accounts.google.com',
  issuerPattern: /^https:\/\/accounts\.google\.com$/,
  issuerExample: 'https://accounts.google.com',
  keys: { source: 'discovery' },
  requiredClaims: [['sub']],
  maxLifetimeSeconds: 3600,
  claims: [
    {
      claim: ['sub'],
      meaning: 'Unique id of the service account: a number in a text, never given to another.',
      example: '112179062720391305885',
    },
    {
      claim: ['email'],
      meaning: 'Address of the service account, which another one may get later.',
      example: 'billing@my-project.iam.gserviceaccount.com',
    },
    { claim: ['email_verified'], meaning: 'Whether Google vouches for the address.', example: true },
    {
      claim: ['google', 'compute_engine', 'project_id'],
      meaning: 'Project of the machine. On Compute Engine alone.',
      example: 'my-project',
    },
    {
      claim: ['google', 'compute_engine', 'project_number'],
      meaning: 'Number of the project. A number, not a text.',
      example: 739419398126,
    },
    {
      claim: ['google', 'compute_engine', 'instance_id'],
      meaning: 'Id of the machine.',
      example: '152986662232938449',
    },
    { claim: ['google', 'compute_engine', 'zone'], meaning: 'Its zone.', example: 'europe-west3-a' },
  ],
  warnings: [
    'Everybody with a Google account can get tokens of this issuer, for any audience: sub says whose it is.',
    'Everybody who may act as the service account gets its tokens, also without the machine.',
  ],
}

const AZURE: FederationPreset = {
  title: 'Microsoft Azure (managed identity)',
  // Tokens of version 1 and of version 2; the first ends with a slash, which counts.
  issuerPattern:
    /^https:\/\/(sts\.windows\.net\/[0-9a-f-]{36}\/|login\.(microsoftonline\.(com|us)|partner\.microsoftonline\.cn)\/[0-9a-f-]{36}\/v2\.0)$/,
  issuerExample: 'https://sts.windows.net/00000000-0000-0000-0000-000000000000/',
  keys: { source: 'discovery' },
  requiredClaims: [['oid'], ['tid']],
  // Tokens of managed identities live for a day.
  maxLifetimeSeconds: 86_400,
  claims: [
    {
      claim: ['oid'],
      meaning: 'Object id of the managed identity in its tenant.',
      example: '33333333-4444-5555-6666-777777777777',
    },
    {
      claim: ['tid'],
      meaning: 'Id of the tenant.',
      example: '11111111-2222-3333-4444-555555555555',
    },
    {
      claim: ['sub'],
      meaning: 'The object id again.',
      example: '33333333-4444-5555-6666-777777777777',
    },
    {
      claim: ['appid'],
      meaning: 'Client id of the identity, in tokens of version 1; azp in those of version 2.',
      example: '22222222-3333-4444-5555-666666666666',
    },
    { claim: ['idtyp'], meaning: 'app where no person is behind it.', example: 'app' },
    {
      claim: ['xms_mirid'],
      meaning: 'Path of the identity, or of the machine that has it, by names.',
      example:
        '/subscriptions/44444444-5555-6666-7777-888888888888/resourcegroups/prod/providers/Microsoft.ManagedIdentity/userAssignedIdentities/billing',
    },
  ],
  warnings: [
    'The audience has to be an application of your tenant (api://…): set audiences to it.',
    'A token lives for up to 24 hours, and Azure hands the same one out again until shortly before it ends.',
    'Every application of the tenant can get tokens for that audience: oid says whose it is.',
  ],
}

export const CLOUD_PRESETS = { aws: AWS, gcp: GCP, azure: AZURE } as const
