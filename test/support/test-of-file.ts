import { testOfFile } from './suite.ts'

// Stands for tap in the files of a suite. Node loads it anew for each of them.
export default testOfFile()
