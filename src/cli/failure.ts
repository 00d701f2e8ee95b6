import { ConfigError } from '../config.ts'
import { MissingMasterKeyError } from '../crypto/master-key-file.ts'
import { WrongMasterKeyError } from '../crypto/sealing.ts'
import { Refusal } from '../domain/refusal.ts'
import { EmbeddedPostgresError } from '../embedded/embedded-postgres-error.ts'
import { DatabaseUnreachableError } from '../operations/open.ts'
import { describeDatabaseError } from '../storage/database.ts'
import { MigrationError } from '../storage/migrations.ts'
import { NoDatabaseError } from './session.ts'

/** Describes a failure and what to do about it; adds a stack only for our own faults. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError)
    return ['the environment has faults:', ...error.faults.map((fault) => `  ${fault}`)].join('\n')
  if (error instanceof WrongMasterKeyError)
    return (
      `the master key does not open the keys in the database (${error.message}); give the one that they are sealed ` +
      'with in MASTER_KEY or MASTER_KEY_FILE, behind a newer one if there is one'
    )
  if (
    error instanceof Refusal ||
    error instanceof NoDatabaseError ||
    error instanceof DatabaseUnreachableError
  )
    return error.message
  if (error instanceof MigrationError || error instanceof MissingMasterKeyError) return error.message
  if (error instanceof EmbeddedPostgresError) return error.message
  return listenError(error) ?? describeDatabaseError(error) ?? `unexpected: ${(error as Error).stack}`
}

function listenError(error: unknown): string | undefined {
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (syscall !== 'listen') return undefined
  if (code === 'EADDRINUSE')
    return `port ${port} on ${address} is in use; set PORT to another, or stop what uses it`
  return `cannot listen on ${address} port ${port} (${code}); set HOST and PORT`
}
