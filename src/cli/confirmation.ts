import { Refusal } from '../domain/refusal.ts'
import type { Terminal } from './terminal.ts'

/** The option that answers the question. */
export const YES = ['--yes', 'do not ask'] as const

export interface Confirmed {
  readonly yes?: true
}

/** Asks a person before what cannot be undone. @throws Refusal where the answer is not yes */
export async function confirmed(terminal: Terminal, yes: true | undefined, question: string): Promise<void> {
  if (!yes && !(await terminal.confirm(question))) throw new Refusal('invalid', 'Nothing was done.')
}
