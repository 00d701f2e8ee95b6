import { runFolders } from '../support/suite.ts'

// Files that make the role of docs/database-roles.sql are all here, one after another: roles are the PostgreSQL's.
await runFolders('storage')
