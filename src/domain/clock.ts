/** Returns the current time. Passed as an argument, so that a test can set it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

/** Maximum difference to the database's clock. Beyond it, a node neither rotates keys nor deletes expired rows. */
export const MAX_CLOCK_SKEW_SECONDS = 60

/** Maximum difference between two nodes: one ahead of the database, one behind it. */
export const MAX_CLOCK_GAP_SECONDS = 2 * MAX_CLOCK_SKEW_SECONDS

/**
 * How long after its `exp` a token may still be accepted: its signer ahead of the node that stored the end, the node that
 * cleans up ahead of the validator, and the validator's own tolerance.
 */
export const TOKEN_GRACE_SECONDS = 2 * MAX_CLOCK_GAP_SECONDS + MAX_CLOCK_SKEW_SECONDS
