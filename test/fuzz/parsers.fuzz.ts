import { fuzzParsers } from './fuzz.ts'

fuzzParsers(Number(process.env['FUZZ_INPUTS'] ?? 1_000_000))
