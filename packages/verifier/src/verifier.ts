import { type AccessToken, type AuthorizationDetail, checkTimes, readAccessToken } from './access-token.ts'
import { type BearerRequest, readBearerToken } from './bearer.ts'
import { IntrospectedTokens } from './introspected-tokens.ts'
import { introspectDetails } from './introspection.ts'
import { KeySet } from './key-set.ts'
import type { RevocationCheck, VerifierOptions } from './options.ts'
import { grants, type Target } from './permissions.ts'
import { readCheck, readOptions, type VerifierSettings } from './read-options.ts'
import { recollection } from './recollection.ts'
import { checkSignature, readJwt, type SignedJwt } from './signed-jwt.ts'
import { StatusLists } from './status-lists.ts'
import { TokenError } from './token-error.ts'
import { type VerifiedToken, VerifiedTokens } from './verified-tokens.ts'

export interface VerifyOptions {
  /** Instead of the verifier's own option `check`. */
  readonly check?: RevocationCheck
}

/** Verifies access tokens of one issuer for one resource server. Make one and keep it: it holds the caches. */
export interface Verifier {
  /** The issuers whose tokens it takes. */
  readonly issuers: readonly string[]
  /**
   * Verifies an access token: form, type, algorithm, issuer, audience, times, signature and status (RFC 9068
   * section 4, RFC 8725, Token Status List section 8.3). Asks the issuer only when keys or status list are stale.
   * @throws {TokenError}
   */
  verify(token: string, options?: VerifyOptions): Promise<AccessToken>
  /**
   * The token, where it was verified before (`rememberTokens`) and all that is at hand is fresh and says that it is still
   * good. Asks and awaits nothing. `undefined` says nothing of the token: `verify` it then.
   */
  recall(token: string, options?: VerifyOptions): AccessToken | undefined
  /**
   * Verifies the Bearer token in the Authorization header of a request (RFC 6750 section 2.1).
   * @throws {TokenError}
   */
  authenticate(request: BearerRequest, options?: VerifyOptions): Promise<AccessToken>
  /**
   * Loads the issuer's keys where they are not fresh; for a readiness check.
   * @throws {TokenError} `keys_unavailable`
   */
  ready(): Promise<void>
  /**
   * Whether the token's holder has the role on this object: on the whole realm (`roles`), on the object, or on one
   * of its groups (`authorization_details`). Asks the issuer only about a token whose permissions were left out.
   * @throws {TokenError} `details_omitted`, `introspection_unavailable` or `revoked` for such a token
   */
  mayOn(token: AccessToken, target: Target, role: string): Promise<boolean>
  /** The same as `mayOn`, but throws `insufficient_permission` (403) instead of returning false. */
  requireRoleOn(token: AccessToken, target: Target, role: string): Promise<void>
}

/**
 * Makes a verifier. Nothing is fetched until the first token.
 * @throws {TypeError} when an option is missing, unknown or out of range
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const settings = readOptions(options)
  const keys = keySetOf(settings)
  const statusLists = new StatusLists({ ...settings, keys })
  const remembered = new VerifiedTokens(settings.rememberTokens)
  const checkStatus = statusCheck(settings, statusLists)
  const verifySignature = signatureCheck(settings, keys, remembered)
  const findOmitted = omittedDetails(settings)

  const verify = async (text: string, how: VerifyOptions = {}): Promise<AccessToken> => {
    const { jwt, token } = await verifySignature(text)
    const checked = await checkStatus(token, jwt, how.check)
    if (checked.authorizationDetailsOmitted) findOmitted.remember(checked, text)
    return checked
  }

  const mayOn = async (token: AccessToken, target: Target, role: string): Promise<boolean> => {
    if (token.roles.includes(role) || grants(token.authorizationDetails, target, role)) return true
    return token.authorizationDetailsOmitted && grants(await findOmitted.of(token), target, role)
  }

  return {
    issuers: [settings.issuer],
    verify,
    recall: recollection(settings, { keys, statusLists, remembered }),
    authenticate: async (request, how) => verify(readBearerToken(request), how),
    ready: () => keys.ready(),
    mayOn,
    requireRoleOn: async (token, target, role) => {
      if (await mayOn(token, target, role)) return
      throw new TokenError('insufficient_permission', { reason: `${role} on ${target.type} ${target.id}` })
    },
  }
}

/** Verifies form, claims and signature; of a token that it remembers, its times and its key. */
function signatureCheck(settings: VerifierSettings, keys: KeySet, remembered: VerifiedTokens) {
  const rules = {
    maxBytes: settings.maxTokenBytes,
    type: settings.tokenType,
    algorithms: settings.algorithms,
  }

  const recall = async (text: string): Promise<VerifiedToken | undefined> => {
    const known = remembered.get(text)
    if (!known) return undefined
    try {
      checkTimes(known.jwt.claims, settings)
      // Another key under its kid, or none: the token is verified anew.
      if ((await keys.find(known.jwt.kid, known.jwt.alg)) === known.key)
        return { ...known, token: { ...known.token } }
    } catch (error) {
      remembered.forget(text)
      throw error
    }
    remembered.forget(text)
    return undefined
  }

  return async (text: string): Promise<VerifiedToken> => {
    const known = await recall(text)
    if (known) return known
    const jwt = readJwt(text, rules)
    // Claims first: other issuers' tokens and expired ones then cost neither a key lookup nor a signature.
    const token = readAccessToken(jwt.claims, settings)
    const verified = { jwt, token, key: await checkSignature(jwt, keys) }
    remembered.add(verified)
    return { ...verified, token: { ...token } }
  }
}

/** Learns whether the token was revoked, in the way that the options and the call choose. */
function statusCheck(settings: VerifierSettings, statusLists: StatusLists) {
  const { introspection, introspectionMaxAgeSeconds, requireStatus, now } = settings
  const introspected =
    introspection &&
    new IntrospectedTokens({ ...settings, ...introspection }, introspectionMaxAgeSeconds, now)

  return async (token: AccessToken, jwt: SignedJwt, asked?: RevocationCheck): Promise<AccessToken> => {
    const check = asked === undefined ? settings.check : readCheck(asked, introspection)
    if (check === 'introspect' && introspected) return introspected.check(token, jwt.text)
    const { status } = jwt.claims
    if (status !== undefined) await statusLists.check(status)
    else if (requireStatus) throw new TokenError('status_missing')
    return token
  }
}

function keySetOf(settings: VerifierSettings): KeySet {
  return new KeySet({
    ...settings,
    url: `${settings.fetchBase}/protocol/openid-connect/certs`,
    maxAgeSeconds: settings.keysMaxAgeSeconds,
    cooldownSeconds: settings.keysCooldownSeconds,
    usableWhenStaleSeconds: settings.keepKeysWhileUnreachableSeconds,
  })
}

/** The permissions left out of tokens, asked for once per verified token. */
function omittedDetails({ introspection, fetchBase, timeoutSeconds }: VerifierSettings) {
  const texts = new WeakMap<AccessToken, string>()
  const found = new WeakMap<AccessToken, Promise<readonly AuthorizationDetail[]>>()
  return {
    remember: (token: AccessToken, text: string) => texts.set(token, text),
    of: (token: AccessToken): Promise<readonly AuthorizationDetail[]> => {
      const text = texts.get(token)
      if (!introspection || text === undefined) throw new TokenError('details_omitted')
      const known = found.get(token)
      if (known !== undefined) return known
      const asked = introspectDetails(text, { ...introspection, fetchBase, timeoutSeconds })
      found.set(token, asked)
      // A failure is not kept: the issuer may answer the next time.
      asked.catch(() => found.delete(token))
      return asked
    },
  }
}
