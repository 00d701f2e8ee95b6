import type { Logger } from 'pino'
import type { SigningKeyOperations } from '../operations/signing-keys.ts'

/** Steps of key rotation are taken at most this much late. */
const INTERVAL_MILLISECONDS = 1000

/** Looks after the keys of all realms. Several nodes may: they take turns. */
export function startRotation(
  { rotateDueSigningKeys }: Pick<SigningKeyOperations, 'rotateDueSigningKeys'>,
  logger: Logger,
): { close(): void } {
  let underway = false
  const timer = setInterval(async () => {
    if (underway) return
    underway = true
    try {
      await rotateDueSigningKeys()
    } catch (err) {
      logger.error({ err }, 'key rotation failed; it will be tried again')
    } finally {
      underway = false
    }
  }, INTERVAL_MILLISECONDS)
  return { close: () => clearInterval(timer) }
}
