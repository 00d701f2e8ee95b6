import t from 'tap'
import { explore, NOTHING, QUICK, RULES } from './read-lease.ts'

// `npm run test:model` goes further, and leaves out the other rules, too.
for (const { leftOut, what, bounds } of RULES.filter((rule) => !rule.isSlow))
  t.test(`the model finds a stale answer where ${what}`, async (t) => {
    const { violation } = explore({ ...NOTHING, ...bounds }, leftOut)
    t.ok(violation, violation?.join(', ') ?? 'none was found')
  })

for (const bounds of QUICK)
  t.test(`the model finds no stale answer within ${JSON.stringify(bounds)}`, async (t) => {
    const { states, violation } = explore({ ...NOTHING, ...bounds })
    t.same(violation, undefined)
    t.ok(states > 1000, `${states} states`)
  })
