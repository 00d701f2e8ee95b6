import type { AccessToken } from './access-token.ts'
import { readBearerToken } from './bearer.ts'
import type { VerifierOptions } from './options.ts'
import { peekIssuer } from './signed-jwt.ts'
import { TokenError } from './token-error.ts'
import { MAX_REMEMBERED_LENGTH } from './verified-tokens.ts'
import { createVerifier, type Verifier } from './verifier.ts'

const MAX_BYTES = 1_048_576
const MAX_CHOICES = 10_000

/**
 * Makes one verifier for several issuers. The token's `iss` chooses among them; an issuer that is not listed is refused
 * with `wrong_issuer`, and nothing is fetched for it.
 * @param options for each issuer, as `createVerifier` takes them
 * @throws {TypeError} when an option is wrong, or an issuer is listed twice
 */
export function createMultiIssuerVerifier(options: readonly VerifierOptions[]): Verifier {
  const verifiers = new Map(options.map((one) => [one.issuer, createVerifier(one)]))
  if (verifiers.size === 0) throw new TypeError('no issuer is listed')
  if (verifiers.size < options.length) throw new TypeError('an issuer is listed twice')

  const [only] = verifiers.values()
  if (only && verifiers.size === 1) return only

  // Which verifier took a token, so that its issuer need not be read again.
  const choices = new Map<string, Verifier>()
  const ofIssuer = (issuer: unknown): Verifier => {
    const verifier = typeof issuer === 'string' ? verifiers.get(issuer) : undefined
    if (!verifier) throw new TokenError('wrong_issuer')
    return verifier
  }
  const verify: Verifier['verify'] = async (text, how) => {
    const verifier = ofIssuer(peekIssuer(text, MAX_BYTES))
    const token = await verifier.verify(text, how)
    if (text.length <= MAX_REMEMBERED_LENGTH) {
      if (choices.size >= MAX_CHOICES) choices.clear()
      choices.set(text, verifier)
    }
    return token
  }
  const ofToken = (token: AccessToken) => ofIssuer(token.issuer)
  return {
    issuers: [...verifiers.keys()],
    verify,
    recall: (text, how) => choices.get(text)?.recall(text, how),
    authenticate: async (request, how) => verify(readBearerToken(request), how),
    ready: async () => {
      await Promise.all([...verifiers.values()].map((verifier) => verifier.ready()))
    },
    mayOn: async (token, ...rest) => ofToken(token).mayOn(token, ...rest),
    requireRoleOn: async (token, ...rest) => ofToken(token).requireRoleOn(token, ...rest),
  }
}
