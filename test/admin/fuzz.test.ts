import fc from 'fast-check'
import t from 'tap'
import { type Ask, adminToken, asking } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

interface Operation {
  readonly method: Parameters<Ask>[0]
  readonly path: string
  readonly query: readonly string[]
  readonly members: readonly string[]
}

interface Documented {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> }
}

interface Schema {
  readonly $ref?: string
  readonly properties?: Record<string, unknown>
}

interface Document {
  readonly paths: Record<string, Record<string, Documented>>
  readonly components: { readonly schemas: Record<string, Schema> }
}

function operationsOf(document: Document): Operation[] {
  const membersOf = (schema: Schema = {}) =>
    Object.keys(document.components.schemas[schema.$ref?.split('/').at(-1) ?? '']?.properties ?? {})
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase() as Operation['method'],
      path,
      query: parameters.filter((one) => one.in === 'query').map(({ name }) => name),
      members: membersOf(requestBody?.content['application/json']?.schema),
    })),
  )
}

const hostile = [
  '\0',
  '\ud800',
  '%00',
  '..',
  '../system',
  '\u202e\u0000x',
  '𝕏'.repeat(60),
  'a'.repeat(5000),
  '9'.repeat(40),
  '-1',
  '1e309',
  '2026-01-01T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '0000-01-01T00:00:00Z',
  '2026-13-45T99:99:99Z',
  "'; drop table realms; --",
  'MTIz',
  'AA',
  '1795576731137.1',
]

const GOOD: Record<string, fc.Arbitrary<unknown>> = {
  name: fc.stringMatching(/^[a-z0-9]{12}$/),
  roles: fc.constant(['view']),
  scopes: fc.constant(['view']),
  enabled: fc.boolean(),
  algorithm: fc.constantFrom('ES256', 'EdDSA'),
  token_lifetime_seconds: fc.integer({ min: 30, max: 3600 }),
}

t.test('nothing that can be sent to an operation of the document is answered by a fault', async (t) => {
  const server = await testServer(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  await server.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 10_000 })
  const clientIds = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const { account } = await server.operations.accounts.create(TESTER, 'acme', {
        name: `target ${n}`,
      })
      return account.clientId
    }),
  )
  const ask = asking(server, (await adminToken(server, 'system', ['platform-admin'])).token)
  const operations = operationsOf((await server.app.inject('/admin/openapi.json')).json())

  const text = fc.oneof(
    fc.constantFrom(...hostile),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constantFrom(...clientIds, 'view', 'json', 'ndjson', '5'),
  )
  const value = fc.oneof(
    text,
    fc.constantFrom(
      null,
      true,
      0,
      -1,
      1e300,
      2 ** 31,
      2 ** 53,
      60,
      [],
      {},
      ['view'],
      ['view', 'view'],
      'ES256',
    ),
    fc.array(text, { maxLength: 5 }),
    fc.jsonValue({ maxDepth: 3 }),
  )
  // Made once for each operation: making one takes longer than drawing from it.
  const request = fc.oneof(
    ...operations.map((operation) =>
      fc.record({
        operation: fc.constant(operation),
        places: fc.record({
          realm: fc.oneof({ weight: 4, arbitrary: fc.constant('acme') }, text),
          client_id: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...clientIds) }, text),
          id: text,
          kid: text,
        }),
        query: subset(operation.query, () => text),
        body: fc.oneof(
          { weight: 5, arbitrary: subset(operation.members, (name) => mostlyGood(name, value)) },
          fc.dictionary(fc.string(), value, { maxKeys: 3 }),
          value,
          fc.string(),
        ),
        ifMatch: fc.option(
          fc.constantFrom('*', '"1"', 'W/"1"', '"', '"x"', `"${'9'.repeat(30)}"`, '"1", "2"'),
          {
            nil: undefined,
          },
        ),
      }),
    ),
  )

  const answered: Record<number, number> = {}
  await fc.assert(
    fc.asyncProperty(request, async ({ operation, places, query, body, ifMatch }) => {
      const { method, path } = operation
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        encode((places as Record<string, string>)[name] ?? 'x'),
      )
      const search = Object.entries(query).map(([name, one]) => `${name}=${encode(String(one))}`)
      const url = search.length > 0 ? `${filled}?${search.join('&')}` : filled
      const answer = await ask(method, url, method === 'GET' ? undefined : body, {
        ...(ifMatch !== undefined && { 'if-match': ifMatch }),
      })
      answered[answer.status] = (answered[answer.status] ?? 0) + 1
      if (answer.status >= 500) throw new Error(`${answer.status} ${answer.text} ${server.log.at(-2)}`)
      if (answer.status >= 400 && !answer.body?.type) throw new Error(`no problem: ${answer.text}`)
    }),
    { numRuns: 1000 },
  )
  // It reaches what it is to try: some of it is good, some refused by the schemas, some by the operations. Rarer answers
  // are left to chance.
  for (const status of [200, 400, 404]) t.ok(answered[status], `some are answered ${status}`)
  t.comment(answered)
})

function subset(names: readonly string[], arbitraryOf: (name: string) => fc.Arbitrary<unknown>) {
  return fc.record(Object.fromEntries(names.map((name) => [name, arbitraryOf(name)])), { requiredKeys: [] })
}

function mostlyGood(name: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: GOOD[name] ?? value }, value)
}

// A lone surrogate has no percent-encoding.
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
