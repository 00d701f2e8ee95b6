/** A client and its secret, from the file of the operator. */
export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
  /** How it authenticates where its server takes one way alone; `undefined`: in the form, and once each way. */
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post' | undefined
  /** What its token is asked for. */
  readonly asked?: { readonly scope?: string; readonly audience?: string }
}

/** A request that is sent to both servers. */
export interface TokenCase {
  readonly name: string
  readonly clientId: string
  readonly form: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** Default: the realm's own. */
  readonly realm?: string
}

/** A name that no client, realm, scope or grant type has. */
const NOBODY = 'mintmark-compare-nobody'

const GRANT = { grant_type: 'client_credentials' }

/** A token of each account; and once of each kind what servers refuse. */
export function* tokenCases(accounts: readonly Credentials[]): Generator<TokenCase> {
  for (const account of accounts)
    yield { name: 'token', clientId: account.clientId, ...requestOf(account, { ...GRANT, ...account.asked }) }
  const [first] = accounts
  const clientId = first?.clientId ?? NOBODY
  const unknown = formOf({ clientId: NOBODY, clientSecret: NOBODY })
  yield { name: 'unknown-client', clientId: NOBODY, form: { ...GRANT, ...unknown } }
  yield { name: 'no-credentials', clientId, form: GRANT }
  yield { name: 'unknown-realm', clientId: NOBODY, form: { ...GRANT, ...unknown }, realm: NOBODY }
  if (first) yield* casesOf(first)
}

function* casesOf(account: Credentials): Generator<TokenCase> {
  const { clientId, asked } = account
  const all = { ...GRANT, ...asked }
  if (account.authMethod === undefined)
    yield { name: 'basic', clientId, ...requestOf({ ...account, authMethod: 'client_secret_basic' }, all) }
  yield { name: 'wrong-secret', clientId, ...requestOf({ ...account, clientSecret: NOBODY }, all) }
  yield { name: 'unknown-scope', clientId, ...requestOf(account, { ...GRANT, scope: NOBODY }) }
  yield { name: 'no-grant-type', clientId, ...requestOf(account, {}) }
  yield { name: 'unknown-grant-type', clientId, ...requestOf(account, { grant_type: NOBODY }) }
}

/** A request with the credentials where they belong. */
function requestOf(
  account: Credentials,
  form: Readonly<Record<string, string>>,
): Pick<TokenCase, 'form' | 'headers'> {
  if (account.authMethod === 'client_secret_basic')
    return { form, headers: { authorization: basicOf(account) } }
  return { form: { ...form, ...formOf(account) } }
}

function formOf({ clientId, clientSecret }: Credentials): Record<string, string> {
  return { client_id: clientId, client_secret: clientSecret }
}

/** RFC 6749 section 2.3.1: both halves are form-encoded first. */
function basicOf({ clientId, clientSecret }: Credentials): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}
