import { ConfigError } from '../config.ts'
import { MissingMasterKeyError } from '../crypto/master-key-file.ts'
import { WrongMasterKeyError } from '../crypto/sealing.ts'
import { RealmFileError } from '../domain/realm-file-fault.ts'
import { EmbeddedPostgresError } from '../embedded/embedded-postgres-error.ts'
import { DatabaseUnreachableError } from '../operations/migrate.ts'
import { describeDatabaseError } from '../storage/database.ts'
import { MigrationError } from '../storage/migration-texts.ts'
import { EXIT, type Failure, failureOfRefusal } from './exit-codes.ts'
import { RemoteFault } from './remote-server.ts'
import { NoDatabaseError } from './session.ts'

/** Has a stack only for our own faults. */
export function failureOf(error: unknown): Failure {
  const ofRefusal = failureOfRefusal(error)
  if (ofRefusal) return ofRefusal
  if (error instanceof RealmFileError) {
    const { message: detail, faults } = error
    return { exitCode: EXIT.failed, code: 'realm_file', detail, faults }
  }
  const unavailable = (detail: string) => ({ exitCode: EXIT.unavailable, code: 'unavailable', detail })
  if (error instanceof DatabaseUnreachableError || error instanceof RemoteFault)
    return unavailable(error.message)
  const failed = (code: string, detail: string) => ({ exitCode: EXIT.failed, code, detail })
  if (error instanceof ConfigError)
    return failed('configuration', ['the environment has faults:', ...error.faults].join('\n  '))
  if (error instanceof NoDatabaseError) return failed('no_database', error.message)
  if (error instanceof WrongMasterKeyError)
    return failed(
      'master_key',
      `the master key does not open the keys in the database (${error.message}); give the one that they are sealed ` +
        'with in MASTER_KEY or MASTER_KEY_FILE, behind a newer one if there is one',
    )
  if (error instanceof MissingMasterKeyError) return failed('master_key', error.message)
  // An error of the database keeps the code that it has without the name of its migration.
  if (error instanceof MigrationError)
    return error.cause ? unavailable(error.message) : failed('migration', error.message)
  if (error instanceof EmbeddedPostgresError) return failed('embedded_postgres', error.message)
  const atListening = listenError(error)
  if (atListening !== undefined) return failed('listen', atListening)
  const ofDatabase = describeDatabaseError(error)
  return ofDatabase === undefined
    ? failed('unexpected', `unexpected: ${(error as Error).stack}`)
    : unavailable(ofDatabase)
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
