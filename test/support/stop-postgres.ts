import { stopPostgres } from './postgres-server.ts'

await stopPostgres()
