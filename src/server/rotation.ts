import type { Logger } from 'pino'
import type { SigningKeyOperations } from '../operations/signing-keys.ts'
import type { Running } from './serve.ts'

/** Steps of key rotation are taken at most this much late. */
const INTERVAL_MILLISECONDS = 1000

/** Looks after the keys of all realms. Several nodes may: they take turns. */
export function startRotation(
  { rotateDueSigningKeys }: Pick<SigningKeyOperations, 'rotateDueSigningKeys'>,
  logger: Logger,
): Running {
  let underway: Promise<unknown> | undefined
  const timer = setInterval(() => {
    underway ??= rotateDueSigningKeys()
      .catch((err: unknown) => logger.error({ err }, 'key rotation failed; it will be tried again'))
      .finally(() => {
        underway = undefined
      })
  }, INTERVAL_MILLISECONDS)
  return {
    close: async () => {
      clearInterval(timer)
      await underway
    },
  }
}
