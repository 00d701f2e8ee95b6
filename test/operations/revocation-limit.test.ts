import t from 'tap'
import { createRevocationLimit, REVOCATIONS_A_MINUTE } from '../../src/operations/tokens/revocation-limit.ts'
import { testClock } from '../support/server.ts'

t.test('one client ends 600 tokens in a minute, and then waits for the next', async (t) => {
  const clock = testClock(new Date('2026-01-01T00:00:15Z'))
  const count = createRevocationLimit(clock.read)
  for (let n = 0; n < REVOCATIONS_A_MINUTE; n++) count('1', 'a')
  const refusal = {
    name: 'TooManyFailuresError',
    retryAfterSeconds: 45,
    description: /^Too many revocations/,
  }
  t.throws(() => count('1', 'a'), refusal)
  t.doesNotThrow(() => count('1', 'b'), 'another client has its own count')
  t.doesNotThrow(() => count('2', 'a'), 'so has one of the same name in another realm')
  clock.advance(44)
  t.throws(() => count('1', 'a'), { ...refusal, retryAfterSeconds: 1 })
  clock.advance(1)
  t.doesNotThrow(() => count('1', 'a'))
})
