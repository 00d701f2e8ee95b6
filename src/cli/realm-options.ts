import { type Command, Option } from 'commander'

/** Options of a command that works in one realm. */
export interface InRealm {
  readonly realm: string
}

/** A new command that works in the realm named by `--realm`. */
export function ofRealm(
  group: Command,
  name: string,
  description: string,
  realm = 'realm of the account',
): Command {
  return group
    .command(name)
    .description(description)
    .addOption(new Option('--realm <name>', realm).env('MINTMARK_REALM').makeOptionMandatory())
}

/** A new command that works on one service account. */
export function ofAccount(group: Command, name: string, description: string): Command {
  return ofRealm(group, name, description).argument('<client_id>')
}
