import { Refusal } from '../../domain/refusal.ts'

/** `undefined`: another node that started at the same time was faster. */
export function ifFirst<T>(creation: Promise<T>): Promise<T | undefined> {
  return creation.catch((error: unknown) => {
    if (error instanceof Refusal && /_taken$/.test(error.code)) return undefined
    throw error
  })
}
