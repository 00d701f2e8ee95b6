import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Demand, endsFirst, needs } from '../../bench/sizing/model.ts'

const ROOT = join(import.meta.dirname, '../..')

const demand: Demand = {
  tokensPerSecond: 20_000,
  accounts: 1e6,
  realms: 1000,
  serverMicroseconds: 150,
  postgresMicroseconds: 25,
  primaryCores: 32,
  regions: 1,
  standbys: 0,
}

t.test(
  'what ends first is at its limit at the rate that the model says, and nothing else beyond its own',
  async (t) => {
    const { what, tokensPerSecond } = endsFirst(demand)
    for (const need of needs({ ...demand, tokensPerSecond })) {
      if (need.limit === undefined) continue
      const share = need.amount / need.limit
      if (need.what === what) t.ok(Math.abs(share - 1) < 0.01, `${need.what} ${share}`)
      else t.ok(share < 1.01, `${need.what} ${share}`)
    }
  },
)

t.test('where servers read standbys, these carry the tokens, and each region costs the same', async (t) => {
  const amount = (one: Demand, what: string) => needs(one).find((need) => need.what === what)?.amount ?? 0
  const read = { ...demand, regions: 2, standbys: 2 }
  t.ok(amount(read, 'cores of the primary') < amount(demand, 'cores of the primary') / 2)
  t.ok(endsFirst(read).tokensPerSecond > endsFirst(demand).tokensPerSecond)
  t.equal(amount(read, 'a region: cores of servers') * 2, amount(demand, 'cores of servers'))
  t.ok(
    amount(read, 'a region: cores of each standby') >
      amount({ ...read, standbys: 4 }, 'a region: cores of each standby'),
  )
  t.equal(amount(demand, 'a region: cores of each standby'), 0)
})

t.test('the examples in the document are what the model says', async (t) => {
  const examples = [
    ...readFileSync(join(ROOT, 'docs/sizing.md'), 'utf8').matchAll(/size -- (.*)\n([^`]*)\n```/g),
  ]
  t.equal(examples.length, 2)
  for (const [, options = '', shown] of examples) {
    const args = [join(ROOT, 'bench/sizing/size.ts'), ...options.split(' ')]
    t.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }).trimEnd(), shown)
  }
})
