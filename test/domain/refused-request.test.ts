import t from 'tap'
import { type AuthenticationFault, OAuthError, TooManyFailuresError } from '../../src/domain/oauth-error.ts'
import { REFUSED_IN_WORDS, refusedReasonOf } from '../../src/domain/refused-request.ts'
import { type ShadowReason, shadowReasonOf } from '../../src/domain/shadow.ts'

// What each fault is in a report of shadow mode.
const FAULTS: Readonly<Record<AuthenticationFault, ShadowReason>> = {
  no_credentials: 'no_credentials',
  unknown_client: 'unknown_client',
  account_disabled: 'account_disabled',
  account_ended: 'invalid_client',
  network_not_allowed: 'invalid_client',
  wrong_secret: 'wrong_secret',
  secret_ended: 'wrong_secret',
  wrong_assertion: 'invalid_client',
  wrong_platform_token: 'invalid_client',
}

t.test('a refusal is counted by its fault, whatever its message says', async (t) => {
  for (const [fault, shadow] of Object.entries(FAULTS) as [AuthenticationFault, ShadowReason][])
    for (const message of ['wrong secret', 'client assertion', 'unknown client', 'something else']) {
      const error = new OAuthError('invalid_client', 'Client authentication failed.', message, fault)
      t.equal(refusedReasonOf(error), fault)
      t.equal(shadowReasonOf(error), shadow)
      t.ok(REFUSED_IN_WORDS[fault])
    }
})

t.test('a refusal without a fault is counted by its code', async (t) => {
  for (const message of ['wrong secret', 'platform token, expired', 'account disabled'])
    for (const code of ['invalid_client', 'invalid_grant', 'invalid_scope'] as const) {
      const error = new OAuthError(code, 'It is refused.', message)
      t.equal(refusedReasonOf(error), code)
      t.equal(shadowReasonOf(error), code)
    }
  t.equal(refusedReasonOf(new TooManyFailuresError(9, 'unknown client')), 'too_many_failures')
})

t.test(
  'a grant that is refused for the token of a platform says so in counts, and its code in reports',
  async (t) => {
    const error = new OAuthError('invalid_grant', 'It is refused.', 'any text', 'wrong_platform_token')
    t.equal(refusedReasonOf(error), 'wrong_platform_token')
    t.equal(shadowReasonOf(error), 'invalid_grant')
  },
)
