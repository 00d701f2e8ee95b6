import fc from 'fast-check'
import t from 'tap'
import { sequences, twoNodes } from './model.ts'

// Few here; `npm run test:model` runs thousands.
t.test('two nodes answer as a simple model does, whatever is done to them', async (t) => {
  const run = await twoNodes(t)
  await fc.assert(fc.asyncProperty(sequences, run), { numRuns: 25 })
  t.pass('no answer differs')
})
