import { copyButton } from './elements.ts'
import { type Html, html } from './html.ts'

/** What a program needs to get tokens. */
export interface Credentials {
  readonly name: string
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: string
}

/** For a file .env; none of the values needs quotes. */
export function dotEnv({ tokenUrl, clientId, clientSecret }: Credentials): string {
  return `TOKEN_URL=${tokenUrl}\nCLIENT_ID=${clientId}\nCLIENT_SECRET=${clientSecret}`
}

export function json({ tokenUrl, clientId, clientSecret }: Credentials): string {
  return JSON.stringify(
    { token_url: tokenUrl, client_id: clientId, client_secret: clientSecret },
    undefined,
    2,
  )
}

export function kubernetesSecret({ name, tokenUrl, clientId, clientSecret }: Credentials): string {
  return `apiVersion: v1
kind: Secret
metadata:
  name: ${JSON.stringify(kubernetesName(name))}
type: Opaque
stringData:
  TOKEN_URL: ${JSON.stringify(tokenUrl)}
  CLIENT_ID: ${JSON.stringify(clientId)}
  CLIENT_SECRET: ${JSON.stringify(clientSecret)}`
}

/** RFC 1123 label. */
function kubernetesName(name: string): string {
  const words =
    name
      .normalize('NFKD')
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? []
  return `${words.join('-').slice(0, 50)}-client`.replace(/^-/, '')
}

const FORMS = [
  ['env', '.env', dotEnv],
  ['json', 'JSON', json],
  ['kubernetes', 'Kubernetes Secret', kubernetesSecret],
] as const

/** The same in the forms that programs read. */
export function copyAsCard(credentials: Credentials): Html {
  return html`<section class="card"><h2>Copy as</h2>${FORMS.map(
    ([id, label, form]) =>
      html`<details class="copy-as"><summary>${label}</summary><div class="section-head"><span></span>${copyButton(`as-${id}`, label)}</div><pre id="as-${id}" tabindex="0" aria-label="${label}">${form(credentials)}</pre></details>`,
  )}</section>`
}
