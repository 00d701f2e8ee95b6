import { isAbsoluteUri } from '../../../domain/audience.ts'
import { tokenEndpointOf } from '../../../domain/client-assertion.ts'
import type { Realm } from '../../../domain/realm.ts'
import type { ServiceAccount } from '../../../domain/service-account.ts'
import { copyButton } from '../elements.ts'
import { type Content, type Html, html } from '../html.ts'
import { csharp } from './csharp.ts'
import { curl } from './curl.ts'
import { go } from './go.ts'
import { java } from './java.ts'
import { node } from './node.ts'
import { python } from './python.ts'
import type { Credential, Language, TokenRequest } from './token-request.ts'

const LANGUAGES: readonly Language[] = [curl, node, python, go, java, csharp]

/** What programs of an account need: where it asks for tokens, and what it may ask for. */
export interface Asking {
  readonly issuer: string
  readonly account: Pick<ServiceAccount, 'clientId' | 'scopes'>
  readonly realm: Pick<Realm, 'scopes' | 'audiences'>
}

export function tokenRequestOf({ issuer, account, realm }: Asking, credential: Credential): TokenRequest {
  const scope = (account.scopes ?? realm.scopes).join(' ')
  const [audience] = realm.audiences
  const target = audience !== undefined && isAbsoluteUri(audience) ? 'resource' : 'audience'
  return {
    issuer,
    tokenUrl: tokenEndpointOf(issuer),
    clientId: account.clientId,
    asks: [
      ...(scope === '' ? [] : [['scope', scope] as const]),
      ...(audience === undefined ? [] : [[target, audience] as const]),
    ],
    credential,
  }
}

const TITLES = {
  secret: 'In a program',
  key: 'With its key, in a program',
  platform: 'In a program, by language',
} satisfies Record<Credential['kind'], string>

/** A program that gets a token, in each language that can, with what is true of this account. */
export function snippetsCard(asking: Asking, credential: Credential): Html {
  return html`<section class="card"><h2>${TITLES[credential.kind]}</h2>${snippets(asking, credential)}</section>`
}

/** One is open at a time, also without script. */
export function snippets(asking: Asking, credential: Credential): Html {
  const request = tokenRequestOf(asking, credential)
  const written = LANGUAGES.map((language) => [language, language.write(request)] as const)
  const missing = written.filter(([, text]) => text === undefined).map(([{ label }]) => label)
  const first = written.find(([, text]) => text !== undefined)?.[0]
  return html`<p class="hint">${hintOf(credential)} It prints the token, or the status and the error of the answer.</p>
${written.map(([language, text]) => text !== undefined && snippet(language, text, credential, language === first))}
${missing.length > 0 && html`<p class="hint">Not by the language's own library: ${missing.join(', ')}. Use a library, or <code>mintmark token</code>.</p>`}`
}

function snippet({ id, label, run }: Language, text: string, { kind }: Credential, open: boolean): Html {
  const name = `snippet-${kind}`
  return html`<details class="copy-as" name="${name}"${open && html` open`}><summary>${label}</summary><div class="section-head"><span class="muted">${run && html`Run: ${run}`}</span>${copyButton(`${name}-${id}`, label)}</div><pre id="${name}-${id}" tabindex="0" aria-label="${label}">${text}</pre></details>`
}

function hintOf(credential: Credential): Content {
  if (credential.kind === 'secret')
    return html`The secret comes from the environment variable <code>CLIENT_SECRET</code>, so that no program has it in its text.`
  if (credential.kind === 'key')
    return html`The private key is the PEM file that the environment variable <code>PRIVATE_KEY_FILE</code> names.`
  return html`The platform keeps its token in a file, which is read for each request.`
}
