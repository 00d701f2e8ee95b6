/** The present moment. Taken as an argument wherever time matters, so that a test can set it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

/** A clock further off than this could drop keys whose tokens are alive, or forget revocations that are needed. */
export const MAX_CLOCK_SKEW_SECONDS = 60
