import { ConfigError } from '../config.ts'
import { MissingMasterKeyError } from '../crypto/master-key-file.ts'
import { WrongMasterKeyError } from '../crypto/sealing.ts'
import { RealmFileError } from '../domain/realm-file-fault.ts'
import { Refusal, type RefusalCode } from '../domain/refusal.ts'
import { EmbeddedPostgresError } from '../embedded/embedded-postgres-error.ts'
import { DatabaseUnreachableError } from '../operations/open.ts'
import { describeDatabaseError } from '../storage/database.ts'
import { MigrationError } from '../storage/migrations.ts'
import { EXIT, type Failure } from './exit-codes.ts'
import { RemoteFault } from './remote-server.ts'
import { NoDatabaseError } from './session.ts'

const EXIT_OF: Readonly<Record<RefusalCode, number>> = {
  not_found: EXIT.notFound,
  invalid: EXIT.failed,
  name_taken: EXIT.conflict,
  client_id_taken: EXIT.conflict,
  limit_reached: EXIT.conflict,
  conflict: EXIT.conflict,
  changed_meanwhile: EXIT.conflict,
  last_administrator: EXIT.conflict,
  forbidden: EXIT.forbidden,
}

/** Has a stack only for our own faults. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) {
    const { code, message: detail, field, limit } = error
    return { exitCode: EXIT_OF[code], code, detail, field, limit }
  }
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
  if (error instanceof MigrationError) return failed('migration', error.message)
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
