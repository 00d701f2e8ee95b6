/** A client and its secret, from the file of the operator. */
export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
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
    yield { name: 'token', clientId: account.clientId, form: { ...GRANT, ...formOf(account) } }
  const [first] = accounts
  const clientId = first?.clientId ?? NOBODY
  const unknown = formOf({ clientId: NOBODY, clientSecret: NOBODY })
  yield { name: 'unknown-client', clientId: NOBODY, form: { ...GRANT, ...unknown } }
  yield { name: 'no-credentials', clientId, form: GRANT }
  yield { name: 'unknown-realm', clientId: NOBODY, form: { ...GRANT, ...unknown }, realm: NOBODY }
  if (first) yield* casesOf(first)
}

function* casesOf(account: Credentials): Generator<TokenCase> {
  const { clientId } = account
  const right = formOf(account)
  yield { name: 'basic', clientId, form: GRANT, headers: { authorization: basicOf(account) } }
  yield { name: 'wrong-secret', clientId, form: { ...GRANT, ...right, client_secret: NOBODY } }
  yield { name: 'unknown-scope', clientId, form: { ...GRANT, ...right, scope: NOBODY } }
  yield { name: 'no-grant-type', clientId, form: right }
  yield { name: 'unknown-grant-type', clientId, form: { ...right, grant_type: NOBODY } }
}

function formOf({ clientId, clientSecret }: Credentials): Record<string, string> {
  return { client_id: clientId, client_secret: clientSecret }
}

/** RFC 6749 section 2.3.1: both halves are form-encoded first. */
function basicOf({ clientId, clientSecret }: Credentials): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}
