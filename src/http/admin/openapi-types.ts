/** The parts of an OpenAPI document that are worked on here. */
export interface JsonSchema {
  title?: string
  type?: string | string[]
  enum?: unknown[]
  format?: string
  pattern?: string
  description?: string
  minimum?: number
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  anyOf?: JsonSchema[]
  examples?: unknown[]
  deprecated?: boolean
  $ref?: string
}

export interface ApiAnswer {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, { schema?: JsonSchema }>
  $ref?: string
}

export interface ApiOperation {
  operationId?: string
  summary?: string
  description?: string
  tags?: string[]
  parameters?: {
    in?: string
    name?: string
    description?: string
    schema?: JsonSchema
    deprecated?: boolean
    $ref?: string
  }[]
  requestBody?: { required?: boolean; content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, ApiAnswer>
}

export interface ApiDocument {
  paths: Record<string, Record<string, ApiOperation>>
  components: { schemas?: Record<string, JsonSchema>; [kind: string]: unknown }
  tags?: { name: string; description: string }[]
}
