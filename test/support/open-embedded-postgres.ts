import { flushCompileCache } from 'node:module'
import { openEmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'

// Has the embedded PostgreSQL of a folder open until it is killed.
await openEmbeddedPostgres(process.argv[2] as string, () => {})
// Killed, it keeps nothing, and the next one would compile all again.
flushCompileCache()
process.stdout.write('open\n')
