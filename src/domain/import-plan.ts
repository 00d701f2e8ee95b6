import type { AccountLine } from './account-line.ts'
import { Refusal } from './refusal.ts'
import { nameKey, parseDisplayName } from './service-account.ts'

/** Something that another server has and that will not be here. */
export interface LeftBehind {
  readonly clientId: string
  readonly reason: string
}

/** What an import will make of the clients of another server. */
export interface ImportPlan {
  readonly accounts: readonly AccountLine[]
  /** Audiences of the tokens that each client had. */
  readonly audiences: ReadonlyMap<string, readonly string[]>
  /** Clients ask for their audience there too. */
  readonly audiencesAreAsked?: boolean
  readonly left: readonly LeftBehind[]
  /** What holds for all of them. */
  readonly notes: readonly string[]
}

/** Chooses clients by their client_id; in the pattern * stands for any text. */
export function matcherOf(pattern = '*'): (clientId: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  const expression = new RegExp(`^${parts.join('.*')}$`, 's')
  return (clientId) => expression.test(clientId)
}

/** The name of a client, or its client_id where another has the name. @param names those that are taken */
export function takeName(
  { clientId, name }: { readonly clientId: string; readonly name: string },
  names: Set<string>,
): string {
  const isGood = faultIn(() => parseDisplayName(name)) === undefined && !names.has(nameKey(name.trim()))
  const taken = isGood ? name : clientId
  names.add(nameKey(taken.trim()))
  return taken
}

/** Why a check refuses a value; `undefined`: it does not. */
export function faultIn(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}
