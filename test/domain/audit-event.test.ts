import t from 'tap'
import { boundedDetails, MAX_DETAILS_BYTES } from '../../src/domain/audit-event.ts'

t.test('details that fit a line stay as they are', async (t) => {
  const details = { before: { roles: ['view'] }, after: { roles: [] }, n: 1, none: null }
  t.equal(boundedDetails(details), details)
})

t.test('details never exceed a line, whatever they are', async (t) => {
  const text = '😀'.repeat(5000)
  const list = Array.from({ length: 1000 }, (_, i) => ({ id: `n${i}`, text }))
  for (const details of [
    { text },
    { list },
    { before: { list }, after: { list: list.slice(1) }, at: new Date(0) },
    Object.fromEntries(list.map(({ id }) => [id, text])),
  ]) {
    const bounded = JSON.stringify(boundedDetails(details))
    t.ok(Buffer.byteLength(bounded) <= MAX_DETAILS_BYTES)
    t.ok(bounded.isWellFormed(), 'PostgreSQL takes it')
  }
  t.match(boundedDetails({ list, at: new Date(0) }), { list: { count: 1000 }, at: new Date(0) })
  t.same(boundedDetails({ ids: Array(3000).fill('abc') }), {
    ids: { count: 3000, first: Array(20).fill('abc') },
  })
})
