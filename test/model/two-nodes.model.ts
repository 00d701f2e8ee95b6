import fc from 'fast-check'
import t from 'tap'
import { sequences, twoNodes } from './model.ts'

const SEQUENCES = Number(process.env['MODEL_SEQUENCES'] ?? 3000)

t.test(`${SEQUENCES} sequences of changes and requests at two nodes, beside the model`, async (t) => {
  const run = await twoNodes(t)
  await fc.assert(fc.asyncProperty(sequences, run), { numRuns: SEQUENCES })
  t.pass('no answer differs')
})
