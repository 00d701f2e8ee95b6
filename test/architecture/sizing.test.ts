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

t.test('the example in the document is what the model says', async (t) => {
  const [, options, shown] =
    /size -- (.*)\n([^`]*)\n```/.exec(readFileSync(join(ROOT, 'docs/sizing.md'), 'utf8')) ?? []
  const args = [join(ROOT, 'bench/sizing/size.ts'), ...(options ?? '').split(' ')]
  t.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }).trimEnd(), shown)
})
