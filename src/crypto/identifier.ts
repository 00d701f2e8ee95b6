import { randomBytes, randomInt } from 'node:crypto'

/** A new client_id: opaque and URL-safe. */
export function newClientId(): string {
  return `sa_${randomBytes(15).toString('hex')}`
}

/** A name for something that is addressed but not guessed at. Never begins as an option of a command would. */
export function newId(): string {
  return randomBytes(9).toString('hex')
}

/** A whole number from 0 up to, and without, the limit. */
export function randomBelow(limit: number): number {
  return randomInt(limit)
}
