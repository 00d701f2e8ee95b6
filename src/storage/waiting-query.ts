import type pg from 'pg'

export type QueryCallback = (error: Error | undefined, result?: pg.QueryResult) => void

/** A query under way, and who waits for it. */
export interface Waiting {
  readonly client: { giveUp(text: string): void }
  readonly text: string
  callback?: QueryCallback | undefined
  /** By its caller, so the error is no fault of the database. */
  cancelled?: boolean
}

/** Gives the query up: its caller gets an error at once. */
export function expire(waiting: Waiting): void {
  const { client, text, callback } = waiting
  waiting.callback = undefined
  client.giveUp(text)
  callback?.(timeoutError())
}

/** Same text as pg's query_timeout. */
export function timeoutError(): Error {
  return new Error('Query read timeout')
}
