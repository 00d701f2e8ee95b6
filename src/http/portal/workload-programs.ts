import type { ClaimRule } from '../../domain/claim-rule.ts'
import { tokenEndpointOf } from '../../domain/client-assertion.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'

/** What a recipe is made for. */
export interface Recipient {
  readonly realmIssuer: string
  readonly clientId: string
  readonly issuer: Pick<TrustedIssuer, 'preset' | 'audiences' | 'maxLifetimeSeconds'>
  readonly rules: readonly ClaimRule[]
}

/** A text to paste, and where. */
export interface Recipe {
  readonly title: string
  readonly text: string
}

/** Whom its platform token is for. */
export function audienceOf({ issuer, realmIssuer }: Recipient): string {
  return issuer.audiences?.[0] ?? realmIssuer
}

/** The command and the library know how each platform gives its tokens. */
export function programs(about: Recipient, from: string): readonly Recipe[] {
  const { realmIssuer, clientId, issuer } = about
  const audience = audienceOf(about)
  // Azure gives tokens for applications of its own alone.
  const isNamed = issuer.audiences !== undefined || from === 'azure'
  const named = from === 'azure' && issuer.audiences === undefined ? 'api://<application>' : audience
  return [
    {
      title: 'With the command',
      text: `mintmark token \\
  --issuer ${shellWord(realmIssuer)} \\
  --client-id ${shellWord(clientId)} \\
  --from ${from}${isNamed ? ` \\\n  --audience ${shellWord(named)}` : ''}`,
    },
    {
      title: 'In a Node.js program',
      text: `import { createTokenSource } from '@mintmark/client'

const source = createTokenSource({
  issuer: ${quoted(realmIssuer)},
  credential: {
    clientId: ${quoted(clientId)},
    platformToken: ${quoted(from)},${isNamed ? `\n    audience: ${quoted(named)},` : ''}
  },
})
const token = await source.token()`,
    },
  ]
}

/** @param assertion as `--data-urlencode` takes it */
export function curl({ realmIssuer, clientId }: Recipient, assertion: string): string {
  return `curl -sS --fail-with-body ${shellWord(tokenEndpointOf(realmIssuer))} \\
  -d grant_type=client_credentials -d client_id=${shellWord(clientId)} \\
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
  --data-urlencode client_assertion${assertion}`
}

/** A text of YAML and of JavaScript. */
export function quoted(text: string): string {
  return JSON.stringify(text)
}

function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
