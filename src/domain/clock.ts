/** The present moment. Taken as an argument wherever time matters, so that a test can set it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

/** A clock may be this far off the database's. A node further off rotates no keys and deletes nothing that has expired. */
export const MAX_CLOCK_SKEW_SECONDS = 60

/** Two clocks may be this far apart: one ahead of the database's, one behind. */
export const MAX_CLOCK_GAP_SECONDS = 2 * MAX_CLOCK_SKEW_SECONDS

/**
 * How long after its lifetime a token may still count: its signer ahead of the node that noted the end, the node that
 * cleans up ahead of the validator, and the validator's own tolerance.
 */
export const TOKEN_GRACE_SECONDS = 2 * MAX_CLOCK_GAP_SECONDS + MAX_CLOCK_SKEW_SECONDS
