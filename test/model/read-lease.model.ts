import t from 'tap'
import { type Bounds, explore, NOTHING, QUICK, RULES } from './read-lease.ts'

for (const { leftOut, what, bounds } of RULES)
  t.test(`the model finds a stale answer where ${what}`, async (t) => {
    const { violation } = explore({ ...NOTHING, ...bounds }, leftOut)
    t.ok(violation, violation?.join(', ') ?? 'none was found')
  })

const FURTHER: readonly Partial<Bounds>[] = [
  { ticks: 7, beats: 2 },
  { ticks: 6, failovers: 1, restarts: 1, switches: 1 },
  { ticks: 2, beats: 2, failovers: 1, switches: 1 },
  { beats: 2, failovers: 1, restarts: 1 },
  { beats: 3 },
]

for (const bounds of [...QUICK, ...FURTHER])
  t.test(`a node that reads a standby answers nothing stale within ${JSON.stringify(bounds)}`, async (t) => {
    const { states, violation } = explore({ ...NOTHING, ...bounds })
    t.same(violation, undefined)
    t.comment(`${states} states`)
  })
