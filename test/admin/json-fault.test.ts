import fc from 'fast-check'
import t from 'tap'
import { findJsonFault } from '../../src/http/admin/json-fault.ts'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

t.test('the fault of a text is where it stops being JSON', async (t) => {
  const cases: [string, number][] = [
    ['', 0],
    ['{"a": 1,}', 8],
    ['{"a" 1}', 5],
    ['{a: 1}', 1],
    ["{'a': 1}", 1],
    ['[1 2]', 3],
    ['[1, 01]', 4],
    ['{"a": tru}', 6],
    ['{"a": 1}}', 8],
    ['{"a": "b', 8],
    ['{"a": "\n"}', 7],
    ['{"a": "\\x"}', 7],
    ['[}', 1],
    ['[1, ', 4],
  ]
  for (const [text, at] of cases) t.equal(findJsonFault(text), at, JSON.stringify(text))
})

t.test('a text has a fault exactly where the parser refuses it', async () => {
  const piece = fc.constantFrom(
    ...'{}[]:,"\\ \n\t-.0123456789eEtrufalsn',
    'true',
    'null',
    '"a"',
    '\\u00e9',
    '1.5e+3',
    '\u2028',
  )
  const pieces = fc.array(piece, { maxLength: 14 }).map((parts) => parts.join(''))
  const damaged = fc.tuple(fc.json(), fc.nat(), piece).map(([json, at, one]) => {
    const place = at % (json.length + 1)
    return json.slice(0, place) + one + json.slice(place)
  })
  // No assertion for each: a text could not be the name of one.
  fc.assert(
    fc.property(fc.oneof(pieces, damaged, fc.json(), fc.string({ unit: 'binary' })), (text) => {
      const at = findJsonFault(text)
      if (at === undefined) return isJson(text)
      // What is before the fault is the beginning of JSON.
      return !isJson(text) && (findJsonFault(text.slice(0, at)) ?? at) === at
    }),
    { numRuns: 3000 },
  )
})
