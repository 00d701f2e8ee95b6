import { openEmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'

// Has the embedded PostgreSQL of a folder open until it is killed.
await openEmbeddedPostgres(process.argv[2] as string, () => {})
process.stdout.write('open\n')
