import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { RealmFileError } from '../../src/domain/realm-file-fault.ts'
import { readRealmFiles } from '../../src/operations/realm-files/file-reader.ts'
import { writeRealmFile } from '../../src/operations/realm-files/file-writer.ts'

const read = (text: string) => readRealmFiles([{ name: undefined, text }]).map(({ value }) => value)

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value))
}

/** Texts that YAML reads as something else where they are not quoted, among others. */
const text = fc.oneof(
  fc.constantFrom(
    'yes',
    'no',
    'on',
    '~',
    'null',
    '010',
    '1e3',
    '0x1f',
    '.5',
    '1_000',
    '12:30',
    '<<',
    '2026-11-25',
    '- a',
  ),
  fc.constantFrom(
    'a: b',
    '# c',
    ' x ',
    'a\n\n  - b\n',
    '---',
    '...',
    '\ttab',
    '&a',
    '*a',
    '!t',
    '%d',
    '"',
    "'",
    '{',
    ']',
  ),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.string({ maxLength: 30 }),
)
const texts = fc.array(text, { maxLength: 4 })

const account = fc.record(
  {
    client_id: fc.uuid(),
    name: text,
    description: text,
    enabled: fc.boolean(),
    roles: texts,
    scopes: fc.option(texts),
    metadata: fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      text,
      { maxKeys: 3, noNullPrototype: true },
    ),
    claims: fc.array(
      fc.record({ claim: text, value: fc.jsonValue().map((one) => JSON.parse(JSON.stringify(one))) }),
      { maxLength: 2 },
    ),
    grants: fc.uniqueArray(fc.record({ role: text, type: text, id: text }), {
      maxLength: 3,
      selector: (one) => JSON.stringify(one),
    }),
  },
  { requiredKeys: ['client_id'] },
)

const realm = fc.record(
  {
    realm: fc.constant('acme'),
    display_name: text,
    token_lifetime_seconds: fc.integer(),
    scopes: texts,
    resources: fc.uniqueArray(fc.record({ type: text, id: text, groups: texts }), {
      selector: ({ type, id }) => `${type}/${id}`,
    }),
    service_accounts: fc.uniqueArray(account, { selector: ({ client_id }) => client_id }),
  },
  { requiredKeys: ['realm'] },
)

t.test('any value that is written is read back unchanged', async (t) => {
  fc.assert(
    fc.property(realm.map(plain), (value) => {
      const written = writeRealmFile(value as never)
      const whole = { webhooks: [], trusted_issuers: [], resources: [], service_accounts: [], ...value }
      deepStrictEqual(read(written), [whole])
      deepStrictEqual(parse(written), whole, 'read whole')
    }),
    { numRuns: 200 },
  )
  t.pass()
})

t.test('an entry of a list is the same by itself and in the whole', async (t) => {
  fc.assert(
    fc.property(realm.map(plain), fc.boolean(), (value, isFlow) => {
      const json = JSON.stringify(value, null, isFlow ? 0 : 2)
      deepStrictEqual(read(json), [value])
    }),
    { numRuns: 50 },
  )
  t.pass()
})

t.test('no text makes anything but a realm or faults', async (t) => {
  const line = fc.constantFrom(
    'realm: a',
    'resources:',
    'service_accounts:',
    '- client_id: x',
    '  - client_id: y',
    '    name: |',
    '      text',
    '---',
    '...',
    '%YAML 1.2',
    '# c',
    '',
    '  - {type: device,',
    ' id: x}',
    '- [',
    ']',
    'roles: [a',
    'trusted_issuers: # c',
    '\t- x',
    '  roles: &a [x]',
    '  scopes: *a',
    '? x',
    '"',
  )
  const garbage = fc.oneof(
    fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n')),
    fc.string({ unit: 'binary', maxLength: 60 }),
  )
  fc.assert(
    fc.property(garbage, (one) => {
      try {
        read(one)
      } catch (error) {
        if (!(error instanceof RealmFileError)) throw error
        if (error.faults.some(({ line }) => line !== undefined && line > one.split('\n').length))
          throw new Error('a line beyond the text')
      }
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
