/** The present moment. Taken as an argument wherever time matters, so that a test can set it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

/** Clocks may be this far apart. One further off could drop keys whose tokens live, or forget revocations in force. */
export const MAX_CLOCK_SKEW_SECONDS = 60
