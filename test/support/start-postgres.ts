import { makeTemplate } from './postgres.ts'
import { startPostgres } from './postgres-server.ts'

await startPostgres()
await makeTemplate()
