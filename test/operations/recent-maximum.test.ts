import t from 'tap'
import { RecentMaximum } from '../../src/operations/tokens/recent-maximum.ts'

const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * 1000)

t.test('a second reader is told the same as the first', async (t) => {
  const ages = new RecentMaximum()
  ages.note(12, at(0))
  ages.note(3, at(1))
  t.equal(ages.at(at(2)), 12)
  t.equal(ages.at(at(2)), 12)
})

t.test('a value counts for five minutes, and no longer', async (t) => {
  const ages = new RecentMaximum()
  t.equal(ages.at(at(0)), undefined)
  ages.note(40, at(0))
  ages.note(7, at(70))
  t.equal(ages.at(at(239)), 40)
  t.equal(ages.at(at(301)), 7)
  t.equal(ages.at(at(400)), undefined)
})

t.test('a value of the future is forgotten once the clock is set back', async (t) => {
  const ages = new RecentMaximum()
  ages.note(9, at(3600))
  t.equal(ages.at(at(0)), undefined)
})

t.test('it keeps no more than the minutes that count', async (t) => {
  const ages = new RecentMaximum()
  for (let minute = 0; minute < 1000; minute++) ages.note(minute, at(minute * 60))
  t.equal(ages.at(at(999 * 60)), 999)
})
