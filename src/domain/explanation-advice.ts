import { pathText } from './claim-rule.ts'
import { MAX_ASSERTION_BYTES } from './client-assertion.ts'
import { type ExplainedIdentity, type ExplainedStep, quoted } from './explanation.ts'
import { PLATFORM_ALGORITHMS, platformAlgorithm } from './platform-algorithm.ts'
import { issuersNamedBy, type PlatformToken, type PlatformTokenFault } from './platform-token.ts'
import { MAX_CANDIDATES } from './workload-identity.ts'

/** What advice is given by. */
export interface Advised {
  readonly realm: string
  readonly token: PlatformToken | undefined
  readonly audiences: readonly string[]
  /** Whether the issuer's keys were uploaded. */
  readonly isUploaded: boolean
  readonly steps: readonly ExplainedStep[]
  readonly identities: readonly ExplainedIdentity[]
  /** The client_id that was asked about. */
  readonly named: string | undefined
}

type Advice = (about: Advised) => string

const FRESH = 'Get a new token from the platform and try again.'

/** What to do next, by the first fault. */
const ADVICE: Readonly<Record<PlatformTokenFault, Advice>> = {
  too_large: () => `Have the platform leave claims out: a token has ${MAX_ASSERTION_BYTES} bytes at most.`,
  malformed: () =>
    'Send the token as the platform gave it: three parts with dots between them, without quotes, line breaks or "Bearer".',
  algorithm: ({ token }) => {
    const algorithm = platformAlgorithm(token?.header['alg'])
    return algorithm
      ? `Add ${algorithm} to the algorithms of the issuer, if that is how the platform signs.`
      : `Have the platform sign with one of ${PLATFORM_ALGORITHMS.join(', ')}.`
  },
  header: () => 'Have the platform leave these members out of the header: its key is known here by its kid.',
  type: () =>
    'Check that this is the token for other services: an access token of the platform itself has another typ.',
  issuer_unknown: ({ token, realm, steps }) => {
    const [named] = token ? issuersNamedBy(token) : []
    if (named === undefined)
      return 'Check that this is the right token: another one of the platform may have an iss.'
    const isNear = steps.find(({ step }) => step === 'issuer')?.note !== undefined
    return isNear
      ? `Trust the issuer exactly as the token names it: ${quoted(named)}.`
      : `If the workload's platform is ${quoted(named)}, let realm ${realm} trust it: mintmark trusted-issuer create --realm ${realm} --issuer ${shellWord(named)}`
  },
  issuer_disabled: () => 'Enable the issuer again, if its tokens are to be accepted.',
  expiry_missing: () => 'Have the platform put exp into the token: tokens without an end are never accepted.',
  expired: () => FRESH,
  issued_too_long_ago: () =>
    `${FRESH} If the platform renews its tokens more rarely, raise max_lifetime_seconds of the issuer.`,
  issued_in_future: () => 'Compare the clocks of the platform and of this server with the right time.',
  lifetime_too_long: () =>
    'Ask the platform for a shorter lifetime, or raise max_lifetime_seconds of the issuer: a stolen token works that long.',
  not_yet_valid: () => 'Compare the clocks of the platform and of this server, or wait.',
  audience: ({ audiences }) =>
    `Ask the platform for a token with the audience ${quoted(audiences[0])} and no other. If it cannot choose, set audiences of the issuer to what it sends.`,
  trust_domain: () => 'Check sub: it has to be a SPIFFE ID of this trust domain.',
  id: () => 'Have the platform put a jti into each token, or set single_use of the issuer to false.',
  keys_unavailable: ({ steps }) =>
    `The keys of the issuer could not be fetched: ${steps.find(({ step }) => step === 'key')?.note ?? 'the reason is in the log.'}`,
  key_unknown: ({ isUploaded }) =>
    isUploaded
      ? 'Upload the keys that the issuer signs with now; they change when it rotates them.'
      : 'If the issuer has just rotated its keys, try again in 30 seconds. Otherwise the token is of another issuer with the same name, such as another cluster.',
  key_algorithm: () =>
    'Check where the token comes from: the issuer has a key of that kid, but not for this algorithm.',
  signature: () =>
    'Copy the token whole and unchanged. If it is, another issuer with the same name and kid signed it, or somebody forged it.',
  unbound: (about) => unboundAdvice(about),
  client: (about) => unboundAdvice(about),
  ambiguous: () =>
    'Send client_id with the request, or make the rules stricter, so that one account alone fits.',
  too_many: () =>
    `Pin a claim that tells workloads apart: more than ${MAX_CANDIDATES} workload identities pin the same values.`,
  ended: () => 'Give the account a later expires_at, or none, if it is to go on.',
  network: () =>
    'Send the request from one of the allowed_networks of the account, or add the network of the workload to them.',
  disabled: ({ identities }) =>
    `Enable the account ${quoted(identities[0]?.accountName)}, if its workload is to get in.`,
  used: () => FRESH,
}

export function adviceOn(fault: PlatformTokenFault, about: Advised): string {
  return ADVICE[fault](about)
}

function unboundAdvice({ identities, token, named, realm }: Advised): string {
  const [nearest] = identities
  const account = named ?? '<client_id>'
  if (!nearest)
    return `No account is bound to this issuer${named === undefined ? '' : ` under the client_id ${quoted(named)}`}. Bind one: mintmark workload-identity add --realm ${realm} ${shellWord(account)} --rule ${shellWord(`sub=${String(token?.claims['sub'] ?? '…')}`)}`
  const failing = nearest.rules.filter(({ ok }) => !ok)
  if (failing.length === 0)
    return `All rules of account ${nearest.clientId} hold, but it may not authenticate that way: add federated to its auth_methods.`
  const [first] = failing
  const claims = failing.map(({ rule }) => pathText(rule.claim)).join(', ')
  return `The nearest is ${nameOf(nearest)}, of which ${failing.length} of ${nearest.rules.length} rules do not hold (${claims}). ${first?.note ?? ''} Correct the rule, or bind the account of this workload.`
}

function nameOf({ name, id, clientId }: ExplainedIdentity): string {
  return `workload identity ${name === '' ? id : quoted(name)} of account ${clientId}`
}

/** A stranger's text, so that it can be pasted into a shell as one word. */
function shellWord(text: string): string {
  const cut = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
  return /^[\w./:@=-]+$/.test(cut) ? cut : `'${cut.replaceAll("'", "'\\''")}'`
}
