import type { ClaimPath } from '../../domain/claim-rule.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { audienceOf, curl, programs, quoted, type Recipe, type Recipient } from './workload-programs.ts'

type Maker = (about: Recipient) => readonly Recipe[]

/** For the platform of the issuer, with values of the account. */
export function recipesOf(about: Recipient): readonly Recipe[] {
  const { preset = '' } = about.issuer
  return (Object.hasOwn(MAKERS, preset) ? (MAKERS[preset] as Maker) : otherRecipes)(about)
}

const TOKEN_FILE = '/var/run/secrets/mintmark/token'
const ANY_FILE = '/path/to/token'
const MIN_PROJECTED_SECONDS = 600

const MAKERS: Readonly<Record<string, Maker>> = {
  github: githubRecipes,
  gitlab: gitlabRecipes,
  kubernetes: kubernetesRecipes,
  eks: kubernetesRecipes,
  gke: kubernetesRecipes,
  aks: kubernetesRecipes,
  aws: (about) => [{ title: 'Policy of the IAM role', text: awsPolicy(about) }, ...programs(about, 'aws')],
  gcp: (about) => programs(about, 'gcp'),
  azure: (about) => programs(about, 'azure'),
  spiffe: (about) => programs(about, 'spiffe'),
}

/** Where a workload finds its token as a file; `undefined`: its platform gives it another way. */
export function tokenFileOf({ preset = '' }: Pick<TrustedIssuer, 'preset'>): string | undefined {
  if (!Object.hasOwn(MAKERS, preset)) return ANY_FILE
  return MAKERS[preset] === kubernetesRecipes ? TOKEN_FILE : undefined
}

/** The one value that a rule pins a claim to. */
function pinned({ rules }: Recipient, claim: ClaimPath): string | undefined {
  const rule = rules.find((one) => 'equals' in one && one.claim.join('\0') === claim.join('\0'))
  const [only, ...others] = rule && 'equals' in rule ? rule.equals : []
  return only === undefined || others.length > 0 ? undefined : String(only)
}

function githubRecipes(about: Recipient): readonly Recipe[] {
  const environment = pinned(about, ['environment'])
  const audience = encodeURIComponent(audienceOf(about))
  return [
    {
      title: 'Job of the workflow',
      text: `jobs:
  call-the-api:
    runs-on: ubuntu-latest${environment === undefined ? '' : `\n    environment: ${quoted(environment)}`}
    permissions:
      contents: read
      id-token: write
    steps:
      - name: Call the API
        run: |
          platform_token=$(curl -sS --fail-with-body \\
            -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
            "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=${audience}" | jq -r .value)
          token=$(printf %s "$platform_token" |
${indented(curl(about, '@-'), 12)} | jq -r .access_token)
          echo "::add-mask::$token"`,
    },
    ...programs(about, 'github'),
  ]
}

function gitlabRecipes(about: Recipient): readonly Recipe[] {
  const environment = pinned(about, ['environment'])
  return [
    {
      title: 'Job in .gitlab-ci.yml',
      text: `call-the-api:${environment === undefined ? '' : `\n  environment: ${quoted(environment)}`}
  id_tokens:
    MINTMARK_ID_TOKEN:
      aud: ${quoted(audienceOf(about))}
  script:
    - |
      token=$(printf %s "$MINTMARK_ID_TOKEN" |
${indented(curl(about, '@-'), 8)} | jq -r .access_token)`,
    },
    ...programs(about, 'gitlab'),
  ]
}

function kubernetesRecipes(about: Recipient): readonly Recipe[] {
  const [, , ofNamespace, ofName] = (pinned(about, ['sub']) ?? '').split(':')
  const namespace = pinned(about, ['kubernetes.io', 'namespace']) ?? ofNamespace
  const name = pinned(about, ['kubernetes.io', 'serviceaccount', 'name']) ?? ofName
  const seconds = Math.max(MIN_PROJECTED_SECONDS, Math.min(3600, about.issuer.maxLifetimeSeconds))
  return [
    {
      title: 'Manifest of the pod',
      text: `apiVersion: v1
kind: Pod
metadata:
  name: call-the-api
  namespace: ${quoted(namespace ?? '<namespace>')}
spec:
  serviceAccountName: ${quoted(name ?? '<service account>')}
  containers:
    - name: app
      image: <your image>
      volumeMounts:
        - name: mintmark
          mountPath: ${TOKEN_FILE.replace(/\/token$/, '')}
          readOnly: true
  volumes:
    - name: mintmark
      projected:
        sources:
          - serviceAccountToken:
              path: token
              audience: ${quoted(audienceOf(about))}
              expirationSeconds: ${seconds}`,
    },
    ...programs(about, 'kubernetes'),
  ]
}

function awsPolicy(about: Recipient): string {
  const condition = { 'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [audienceOf(about)] } }
  const statement = {
    Effect: 'Allow',
    Action: 'sts:GetWebIdentityToken',
    Resource: '*',
    Condition: condition,
  }
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] }, undefined, 2)
}

function otherRecipes(about: Recipient): readonly Recipe[] {
  return programs(about, `file:${ANY_FILE}`)
}

function indented(text: string, width: number): string {
  return text.replace(/^/gm, ' '.repeat(width))
}
