import { runFolders } from '../support/suite.ts'

await runFolders('verifier', 'client', 'guard', 'examples', 'model')
