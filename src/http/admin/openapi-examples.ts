import type { JsonSchema } from './openapi-types.ts'

const JWK = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }

/** Values of members, by their name. */
const VALUES: Readonly<Record<string, unknown>> = {
  realm: 'acme',
  issuer: 'https://auth.example.com/realms/acme',
  client_id: 'CgKkDUYuFeyWfzcdzrhVZp',
  client_secret: 'the secret of this example',
  name: 'CI deployer',
  display_name: 'Acme',
  description: 'Deploys the shop',
  roles: ['view', 'operate'],
  role: 'operate',
  scopes: ['view'],
  audiences: ['https://api.example.com'],
  id: 'd1',
  type: 'device',
  groups: ['eu-edge'],
  kid: 'key-1',
  jwk: JWK,
  cursor: 'ZDE',
  next_cursor: null,
  actor: { kind: 'api', id: 'acme/CgKkDUYuFeyWfzcdzrhVZp', address: '192.0.2.7' },
  action: 'service-account.create',
  trusted_issuer: 'CgKkDUYuFeyWfzcdzrhVZp',
  claim: 'sub',
  equals: 'repo:acme/shop:ref:refs/heads/main',
  line: 1,
  last_four: '1thx',
  address: '192.0.2.7',
  detail: 'name is missing.',
  title: 'Invalid request',
}

/** A value of the schema, by the name of the member where one fits. */
export function exampleOf(schema: JsonSchema, schemas: Record<string, JsonSchema>, name = ''): unknown {
  if (schema.$ref) return exampleOf(schemas[schema.$ref.split('/').at(-1) as string] as JsonSchema, schemas)
  if (schema.examples) return schema.examples[0]
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf) return exampleOf(schema.anyOf[0] as JsonSchema, schemas, name)
  if (schema.properties) {
    const members = Object.entries(schema.properties).filter(
      ([member]) => schema.required?.includes(member) || member in VALUES,
    )
    return Object.fromEntries(members.map(([member, one]) => [member, exampleOf(one, schemas, member)]))
  }
  const value = VALUES[name]
  return name in VALUES && fits(value, schema) ? value : plainValue(schema, schemas)
}

function fits(value: unknown, { type, pattern }: JsonSchema): boolean {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  if (type !== undefined && ![type].flat().includes(kind)) return false
  return pattern === undefined || new RegExp(pattern).test(String(value))
}

function plainValue(
  { type, format, pattern, minimum, items }: JsonSchema,
  schemas: Record<string, JsonSchema>,
): unknown {
  const [first] = [type].flat()
  if (format === 'date-time') return '2026-11-25T12:00:00Z'
  if (first === 'array') return items ? [exampleOf(items, schemas)] : []
  if (first === 'integer') return minimum ?? 1
  if (first === 'boolean') return true
  if (first === 'object') return {}
  if (first === 'null') return null
  return pattern === undefined ? 'text' : 'acme'
}
