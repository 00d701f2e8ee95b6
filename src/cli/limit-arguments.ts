import type { Command } from 'commander'
import type { AccountLimitsUpdate } from '../domain/account-limits.ts'
import { collect, moment, whole } from './arguments.ts'

/** Options for the limits of an account; `false`: it is taken away. */
export interface LimitOptions {
  readonly allowedNetwork?: string[] | false
  readonly expiresAt?: Date | false
  readonly maxSecretAge?: number | false
}

export function withLimits(command: Command): Command {
  return command
    .option(
      '--allowed-network <network>',
      'address or network that it may authenticate from, such as 10.0.0.0/8; repeatable, replaces the list',
      collect,
    )
    .option('--expires-at <time>', 'end of the account: from then on it gets no tokens', moment)
    .option('--max-secret-age <seconds>', 'age at which its secrets stop working', whole)
}

export function withoutLimits(command: Command): Command {
  return command
    .option('--no-allowed-network', 'it may authenticate from anywhere')
    .option('--no-expires-at', 'it does not end')
    .option('--no-max-secret-age', 'its secrets may get as old as the realm allows')
}

/** Only the limits that were given. */
export function readLimits({ allowedNetwork, expiresAt, maxSecretAge }: LimitOptions): AccountLimitsUpdate {
  return {
    ...(allowedNetwork !== undefined && { allowedNetworks: allowedNetwork || null }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt || null }),
    ...(maxSecretAge !== undefined && { maxSecretAgeSeconds: maxSecretAge === false ? null : maxSecretAge }),
  }
}
