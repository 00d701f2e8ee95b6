import t from 'tap'
import { fuzzParsers } from './fuzz.ts'

// Few here; `npm run test:fuzz` feeds a million, and measures that time grows with the length and no faster.
fuzzParsers(t, 20_000)
