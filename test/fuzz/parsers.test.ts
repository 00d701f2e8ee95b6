import { fuzzParsers, timeParsers } from './fuzz.ts'

// Few here; `npm run test:fuzz` feeds a million.
fuzzParsers(20_000)
timeParsers()
