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

/** The language is chosen by a radio button, so that it needs no script. */
function snippets(asking: Asking, credential: Credential): Html {
  const request = tokenRequestOf(asking, credential)
  const written = LANGUAGES.map((language) => ({ ...language, text: language.write(request) }))
  const shown = written.filter(({ text }) => text !== undefined)
  const missing = written.filter(({ text }) => text === undefined).map(({ label }) => label)
  const name = `snippet-${credential.kind}`
  const choice = ({ id, label }: Language, at: number) =>
    html`<input class="unseen" type="radio" name="${name}" id="${name}-choice-${id}"${at === 0 && html` checked`}><label for="${name}-choice-${id}">${label}</label>`
  return html`<p class="hint">${hintOf(credential)}</p>
<fieldset class="programs"><legend class="unseen">Language</legend>${shown.map(choice)}${shown.map((language) => program(name, language))}</fieldset>
${credential.kind === 'key' && missing.length > 0 && html`<p class="hint">None for ${missing.join(' and ')}, which cannot sign with ${credential.algorithm} without a library: <code>mintmark token</code> can.</p>`}`
}

function program(
  name: string,
  { id, label, run, text }: Language & { readonly text?: string | undefined },
): Html {
  return html`<div class="program"><div class="section-head"><span class="hint">${run ?? 'In a shell'}</span>${copyButton(`${name}-${id}`, `program for ${label}`)}</div>
<pre id="${name}-${id}" tabindex="0" aria-label="Program for ${label}">${text}</pre></div>`
}

function hintOf({ kind }: Credential): Content {
  const prints = 'Each prints a token, or the status and the error of the answer.'
  if (kind === 'secret')
    return html`${prints} The secret is read from the environment variable <code>CLIENT_SECRET</code>, so that no program has it in its text.`
  if (kind === 'key')
    return html`${prints} The private key is read from the PEM file that the environment variable <code>PRIVATE_KEY_FILE</code> names.`
  return html`${prints} The token of the platform is read from its file each time.`
}
