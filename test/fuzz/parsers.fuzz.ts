import t from 'tap'
import { fuzzParsers, timeParsers } from './fuzz.ts'

fuzzParsers(t, Number(process.env['FUZZ_INPUTS'] ?? 1_000_000))
timeParsers(t)
