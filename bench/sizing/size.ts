import { parseArgs } from 'node:util'
import { type Demand, endsFirst, needs } from './model.ts'

// npm run size -- --tokens-per-second 20000 --accounts 1000000

const DEFAULTS = {
  'tokens-per-second': 1000,
  accounts: 10_000,
  realms: 10,
  'server-microseconds': 150,
  'postgres-microseconds': 25,
  'primary-cores': 32,
  regions: 1,
  standbys: 0,
} as const

type Name = keyof typeof DEFAULTS

const names = Object.keys(DEFAULTS) as Name[]
const { values } = parseArgs({
  options: Object.fromEntries(
    names.map((name) => [name, { type: 'string', default: String(DEFAULTS[name]) }]),
  ) as Record<Name, { type: 'string'; default: string }>,
})

function read(name: Name): number {
  const value = Number(values[name])
  const isCount = name === 'regions' || name === 'standbys'
  if (isCount ? Number.isInteger(value) && value >= DEFAULTS[name] : Number.isFinite(value) && value > 0)
    return value
  console.error(`--${name} must be ${isCount ? `a whole number from ${DEFAULTS[name]}` : 'a number above 0'}`)
  process.exit(2)
}

const demand: Demand = {
  tokensPerSecond: read('tokens-per-second'),
  accounts: read('accounts'),
  realms: read('realms'),
  serverMicroseconds: read('server-microseconds'),
  postgresMicroseconds: read('postgres-microseconds'),
  primaryCores: read('primary-cores'),
  regions: read('regions'),
  standbys: read('standbys'),
}
for (const { what, amount, unit, limit } of needs(demand)) {
  const needed = `${amount >= 100 ? Math.round(amount) : amount.toPrecision(2)} ${unit}`.trim()
  console.log(`${what.padEnd(62)}${needed.padStart(16)}${limit === undefined ? '' : `  of ${limit}`}`)
}
const { what, tokensPerSecond } = endsFirst(demand)
console.log(`\nEnds first: ${what}, at ${tokensPerSecond} tokens a second.`)
