import { randomBytes, randomInt } from 'node:crypto'

/** A new client_id: opaque and URL-safe. */
export function newClientId(): string {
  return `sa_${randomBytes(15).toString('hex')}`
}

/** A random name that need not be secret. Never begins with a hyphen, which a command would take for an option. */
export function newId(): string {
  return randomBytes(9).toString('hex')
}

/** A random integer from 0 up to, but not including, the limit. */
export function randomBelow(limit: number): number {
  return randomInt(limit)
}
