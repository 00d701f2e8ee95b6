import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import t, { type Test } from 'tap'
import { PATTERN_WORDS } from '../../src/http/admin/faults-in-words.ts'
import type { ApiDocument, ApiOperation, JsonSchema } from '../../src/http/admin/openapi-types.ts'

import { testServer } from '../support/server.ts'

const METHODS = ['get', 'post', 'put', 'patch', 'delete']

async function operationsOf(t: Test) {
  const { app } = await testServer(t)
  const document = (await app.inject('/admin/openapi.json')).json() as ApiDocument
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => method in methods).map((method) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation: methods[method] as ApiOperation,
    })),
  )
  return { document, operations }
}

/** Names of generated clients' functions. To add an operation, add its line; a line that is here stays. */
const IDS = readFileSync(join(import.meta.dirname, 'operation-ids.txt'), 'utf8')
  .trim()
  .split('\n')

t.test('each operation has an id that does not change', async (t) => {
  const { operations } = await operationsOf(t)
  for (const { name, operation } of operations) t.match(operation.operationId, /^[a-z][A-Za-z]+$/, name)
  const ids = operations.map(({ name, operation }) => `${operation.operationId} ${name}`)
  for (const id of IDS) t.ok(ids.includes(id), id)
  const named = new Set(operations.map(({ operation }) => operation.operationId))
  t.equal(named.size, operations.length, 'and no other has it')
})

t.test('each operation is described: what it does, who may, and each parameter', async (t) => {
  const { operations, document } = await operationsOf(t)
  const tags = document.tags ?? []
  for (const { name, description } of tags) t.not(description, name, `the tag ${name} is described`)
  for (const { name, operation } of operations) {
    t.ok(operation.summary, `${name} has a summary`)
    t.equal(operation.tags?.length, 1, `${name} has one tag`)
    for (const parameter of operation.parameters ?? [])
      if (!parameter.$ref) t.ok(parameter.description, `${name}: ${parameter.name} is described`)
    const names = operation.parameters?.map(({ $ref }) => $ref)
    t.ok(names?.includes('#/components/parameters/IfMatch'), `${name} heeds If-Match`)
  }
})

t.test('each object of a body or an answer is a component, and each answer has one media type', async (t) => {
  const { operations } = await operationsOf(t)
  for (const { name, operation } of operations) {
    for (const [status, { content = {}, description }] of Object.entries(operation.responses)) {
      t.not(description, 'Default Response', `${name} ${status} is described`)
      t.ok(Object.keys(content).length <= 1, `${name} ${status} has one media type`)
      for (const { schema } of Object.values(content)) t.ok(schema?.$ref, `${name} ${status} is a component`)
    }
    const { schema } = operation.requestBody?.content['application/json'] ?? {}
    if (schema) t.ok(schema.$ref, `the body of ${name} is a component`)
  }
})

t.test('a body that may be left out is not required', async (t) => {
  const { operations } = await operationsOf(t)
  const required = operations.filter(({ operation }) => operation.requestBody?.required)
  const withBody = operations.filter(({ operation }) => operation.requestBody)
  const ids = (some: typeof operations) => some.map(({ operation }) => operation.operationId)
  t.ok(ids(required).includes('createServiceAccount'))
  for (const id of ['startSecretRotation', 'updateServiceAccount', 'updateRealm']) {
    t.ok(ids(withBody).includes(id), id)
    t.notOk(ids(required).includes(id), id)
  }
  for (const id of ['resetSecret', 'revokeTokens', 'rotateSigningKey'])
    t.notOk(ids(withBody).includes(id), id)
})

t.test('the example of each component is one', async (t) => {
  const { document } = await operationsOf(t)
  const ajv = new Ajv2020({ strict: false })
  formats.default(ajv)
  ajv.addSchema(document, 'api')
  for (const [name, schema] of Object.entries(document.components.schemas ?? {})) {
    if (schema.type !== 'object') continue
    t.ok(schema.examples?.length, `${name} has an example`)
    const holds = ajv.compile({ $ref: `api#/components/schemas/${name}` })
    for (const example of schema.examples ?? [])
      t.ok(holds(example), `${name}: ${ajv.errorsText(holds.errors)} ${JSON.stringify(example)}`)
  }
})

t.test('each text and list of a body has a bound, and each pattern is told in words', async (t) => {
  const { operations, document } = await operationsOf(t)
  const schemas = document.components.schemas ?? {}
  const visit = (schema: JsonSchema & Bounds, place: string): void => {
    if (schema.$ref) visit(schemas[schema.$ref.split('/').at(-1) as string] as JsonSchema, place)
    if (schema.pattern !== undefined)
      t.ok(PATTERN_WORDS[schema.pattern], `${place}: ${schema.pattern} in words`)
    const types = [schema.type].flat()
    if (types.includes('string') && !FREE.has(place.split('.').at(-1) as string))
      t.ok(schema.maxLength ?? schema.pattern ?? schema.enum ?? schema.format, `${place} has a bound`)
    if (types.includes('array')) t.ok(schema.maxItems, `${place} has a bound`)
    if (schema.items) visit(schema.items, `${place}.items`)
    for (const one of schema.anyOf ?? []) visit(one, place)
    for (const [name, member] of Object.entries(schema.properties ?? {})) visit(member, `${place}.${name}`)
  }
  for (const { name, operation } of operations) {
    const { schema } = operation.requestBody?.content['application/json'] ?? {}
    if (schema) visit(schema, name)
    for (const { in: place, schema, name: parameter } of operation.parameters ?? [])
      if (place === 'query' && schema) visit(schema, `${name} ?${parameter}`)
  }
})

interface Bounds {
  readonly pattern?: string
  readonly maxLength?: number
  readonly maxItems?: number
}

/** Texts whose bound is that of the body: documents of keys, and what the operation reads. */
const FREE: ReadonlySet<string> = new Set([
  'pem',
  'certificate',
  'claim',
  'equals',
  'matches',
  'items',
  'issuer',
  'url',
  'jwks_uri',
  'trusted_issuer',
  'required_claims',
])

t.test('two components of one name are a fault of the document', async (t) => {
  const { nameSchemas } = await import('../../src/http/admin/openapi-components.ts')
  const schema = (type: string) => ({ type, title: 'Same' })
  t.throws(() => nameSchemas({ a: schema('object'), b: schema('string') }), /called Same/)
  t.match(nameSchemas({ a: schema('object'), b: schema('object') }), { Same: { type: 'object' } })
})
