import { runFolders } from '../support/suite.ts'

await runFolders('.', 'architecture', 'config', 'crypto', 'domain', 'fuzz')
