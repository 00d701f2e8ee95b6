import type { Command } from 'commander'
import { Refusal } from '../domain/refusal.ts'

/** Where commands work over the admin API; `undefined`: beside the database. */
export function serverOf(program: Command, env: NodeJS.ProcessEnv): string | undefined {
  return program.opts<{ server?: string }>().server ?? env['MINTMARK_SERVER']
}

/** @param reason why it cannot be done over the admin API */
export function besideTheDatabase(reason: string): Refusal {
  const text = `This command works beside the database alone, since ${reason}. Run it where the server runs, without --server and MINTMARK_SERVER.`
  return new Refusal('invalid', text)
}
