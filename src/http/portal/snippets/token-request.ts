import type { KeyAlgorithm } from '../../../domain/client-key.ts'

/** How a program shows who it is. None of them has a secret in its text: that is in the environment, or in a file. */
export type Credential =
  | { readonly kind: 'secret' }
  | { readonly kind: 'key'; readonly kid: string; readonly algorithm: KeyAlgorithm }
  | { readonly kind: 'platform'; readonly file: string }

/** The request for a token that a program makes. */
export interface TokenRequest {
  readonly issuer: string
  readonly tokenUrl: string
  readonly clientId: string
  /** Parameters such as scope and resource, with values that the account may ask for. */
  readonly asks: readonly (readonly [string, string])[]
  readonly credential: Credential
}

/** A language of programs, with nothing but its own library. */
export interface Language {
  readonly id: string
  readonly label: string
  /** What to call the file and how to run it; none for a command. */
  readonly run?: string
  /** The program; `undefined`: its library cannot make this credential. */
  write(request: TokenRequest): string | undefined
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Names of the form and their values as expressions of a language. */
export function formOf(
  { clientId, asks, credential }: TokenRequest,
  quoted: (text: string) => string,
  proof: string,
): readonly (readonly [string, string])[] {
  const shown: readonly (readonly [string, string])[] =
    credential.kind === 'secret'
      ? [['client_secret', proof]]
      : [
          ['client_assertion_type', quoted(ASSERTION_TYPE)],
          ['client_assertion', proof],
        ]
  return [
    ['grant_type', quoted('client_credentials')],
    ['client_id', quoted(clientId)],
    ...shown,
    ...asks.map(([name, value]) => [name, quoted(value)] as const),
  ]
}

/** Header of the assertion that a key signs. */
export function assertionHeader({ kid, algorithm }: { kid: string; algorithm: KeyAlgorithm }) {
  return { alg: algorithm, kid, typ: 'JWT' }
}

/** A text in double quotes: whatever is not printable ASCII becomes an escape, so that nothing ends the text early. */
export function inQuotes(text: string, escaped: (codePoint: number) => string): string {
  const characters = Array.from(text.toWellFormed(), (one) => {
    if (one === '"' || one === '\\') return `\\${one}`
    return /^[ -~]$/.test(one) ? one : escaped(one.codePointAt(0) as number)
  })
  return `"${characters.join('')}"`
}

/** As Python, Go and C# escape a character. */
export function longEscape(codePoint: number): string {
  return `\\U${codePoint.toString(16).padStart(8, '0')}`
}
