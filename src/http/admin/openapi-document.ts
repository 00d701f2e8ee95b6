import { IDEMPOTENT_BY_KEY } from './idempotency.ts'
import { ANSWERS, HEADERS, headersOf, PARAMETERS, parametersOf, refusalsOf, TAGS } from './openapi-answers.ts'
import { nameSchemas } from './openapi-components.ts'
import type { ApiDocument, ApiOperation } from './openapi-types.ts'

/** Which administrators may use an operation that an account-admin of the realm may not. */
const PLATFORM_ONLY: readonly string[] = [
  'createRealm',
  'deleteRealm',
  'publishForeignKeys',
  'updatePolicy',
  'listPlatformAuditEvents',
  'exportPlatformAuditEvents',
]

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  200: 'As asked',
  201: 'Made',
  202: 'Accepted, and still being done',
  204: 'Done',
}

/** Adds to the routes' own schemas what is the same for all operations: headers, refusals, named components. */
export function completeDocument(generated: ApiDocument): ApiDocument {
  // Schemas are shared between routes, and symbols of their types are no part of the document.
  const document = JSON.parse(JSON.stringify(generated)) as ApiDocument
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(operations)) completeOperation(operation, method, path)
  // Schemas are replaced by their names, and the next document needs them whole.
  const responses = structuredClone(ANSWERS)
  document.components = {
    ...document.components,
    schemas: nameSchemas({ paths: document.paths, responses }),
    responses,
    headers: HEADERS,
    parameters: PARAMETERS,
  }
  const operations = Object.values(document.paths).flatMap((one) => Object.values(one))
  const used = [...new Set(operations.flatMap(({ tags = [] }) => tags))]
  document.tags = used.map((name) => ({ name, description: TAGS[name] ?? name }))
  return document
}

function completeOperation(operation: ApiOperation, method: string, path: string): void {
  const requires = PLATFORM_ONLY.includes(operation.operationId ?? '')
    ? 'Requires platform-admin.'
    : 'Requires account-admin of the realm, or platform-admin.'
  operation.description = operation.description ? `${operation.description}\n\n${requires}` : requires
  completeBody(operation)
  const takesKey = IDEMPOTENT_BY_KEY.has(operation.operationId ?? '')
  // Deprecated parameters still work; the document leaves them out.
  const parameters = (operation.parameters ?? []).filter(
    ({ schema, deprecated }) => !(deprecated || schema?.deprecated),
  )
  operation.parameters = [...parameters, ...parametersOf(method, takesKey)]
  for (const [status, answer] of Object.entries(operation.responses)) {
    if (answer.description === 'Default Response') answer.description = DESCRIPTIONS[status] ?? 'As asked'
    if (status === '204') delete answer.content
    answer.headers = headersOf(status, answer, takesKey)
  }
  Object.assign(operation.responses, refusalsOf(method, path, takesKey))
}

// A body without required members may be left out; one without any members is not worth mentioning.
function completeBody(operation: ApiOperation): void {
  const { requestBody } = operation
  if (!requestBody) return
  const schema = requestBody.content['application/json']?.schema
  if (!schema) requestBody.required = true
  else if (Object.keys(schema.properties ?? {}).length === 0) delete operation.requestBody
  else requestBody.required = (schema.required ?? []).length > 0
}
