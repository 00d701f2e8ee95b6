import type { PresetName } from './federation-presets.ts'

/** What to paste where the workload runs. */
export interface Manifest {
  readonly language: 'yaml' | 'sh'
  readonly text: string
}

/** What gets a token there, for the realm's issuer; `audience` is whom the platform's token is for. */
export function manifestOf(preset: PresetName, issuer: string, audience = issuer): Manifest {
  switch (preset) {
    case 'github':
      return { language: 'yaml', text: github(issuer, audience) }
    case 'gitlab':
      return { language: 'yaml', text: gitlab(issuer, audience) }
    case 'kubernetes':
    case 'eks':
    case 'gke':
    case 'aks':
      return { language: 'yaml', text: pod(issuer, audience) }
    default:
      return { language: 'sh', text: command(preset, issuer, audience) }
  }
}

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

function github(issuer: string, audience: string): string {
  return `permissions:
  contents: read
  id-token: write

jobs:
  deploy:
    runs-on: ubuntu-latest
    environment: production
    steps:
      - name: Get a token
        env:
          ISSUER: ${issuer}
          AUDIENCE: ${audience}
        run: |
          jwt=$(curl -fsS -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
            "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=$AUDIENCE" | jq -r .value)
          token=$(curl -fsS "$ISSUER/protocol/openid-connect/token" \\
            -d grant_type=client_credentials \\
            -d client_assertion_type=${TYPE} \\
            -d "client_assertion=$jwt" | jq -r .access_token)
          echo "::add-mask::$token"
          echo "TOKEN=$token" >> "$GITHUB_ENV"
`
}

function gitlab(issuer: string, audience: string): string {
  return `deploy:
  id_tokens:
    MINTMARK_ID_TOKEN:
      aud: ${audience}
  script:
    - |
      TOKEN=$(curl -fsS ${issuer}/protocol/openid-connect/token \\
        -d grant_type=client_credentials \\
        -d client_assertion_type=${TYPE} \\
        -d "client_assertion=$MINTMARK_ID_TOKEN" | jq -r .access_token)
`
}

/** The parts of a pod: a sidecar that keeps a token in a file, and the volumes that it takes. */
function pod(issuer: string, audience: string): string {
  return `automountServiceAccountToken: false
securityContext:
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
containers:
  - name: app
    image: registry.example.com/billing:1
    volumeMounts:
      - { name: token, mountPath: /run/token, readOnly: true }
  - name: token
    image: registry.example.com/mintmark:0.1.0
    args:
      - token
      - --from=kubernetes
      - --issuer=${issuer}
      - --watch=/run/token/access-token
    volumeMounts:
      - { name: token, mountPath: /run/token }
      - { name: mintmark, mountPath: /var/run/secrets/mintmark, readOnly: true }
volumes:
  - name: token
    emptyDir: { medium: Memory }
  - name: mintmark
    projected:
      sources:
        - serviceAccountToken:
            path: token
            audience: ${audience}
            expirationSeconds: 3600
`
}

function command(platform: string, issuer: string, audience: string): string {
  const named = audience === issuer ? '' : ` --audience ${audience}`
  return `mintmark token --from ${platform} --issuer ${issuer}${named}\n`
}
