import {
  FOREIGN_KID_PATTERN,
  MAX_FOREIGN_ISSUER_LENGTH,
  MAX_FOREIGN_KEY_DAYS,
  MAX_FOREIGN_KEYS,
} from '../../domain/foreign-key.ts'
import { MAX_KEY_ADDRESS_LENGTH } from '../../domain/key-address.ts'
import type { Operations } from '../../operations/operations.ts'
import { foreignKeyToWire } from '../../wire/foreign-key.ts'
import { Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf, listWithVersion } from './etag.ts'
import { readMoment } from './moment.ts'
import { Closed, InRealm, listOf, Moment, named } from './schemas.ts'

const tags = ['Signing keys']

const ForeignKey = named(
  'ForeignKey',
  Type.Object({
    kid: Type.String(),
    realm: Type.String(),
    algorithm: Type.String(),
    issuer: Type.String({ description: 'The iss of the tokens that it signed' }),
    published_at: Moment,
    until: Moment,
  }),
)

const NewForeignKeys = named(
  'NewForeignKeys',
  Type.Object(
    {
      jwks: Type.Optional(
        Type.Unsafe<object>({ type: 'object', description: 'Public keys (RFC 7517 section 5)' }),
      ),
      jwks_uri: Type.Optional(
        Type.String({
          maxLength: MAX_KEY_ADDRESS_LENGTH,
          description: 'Where they are fetched from, once; instead of jwks',
        }),
      ),
      issuer: Type.Optional(
        Type.String({
          maxLength: MAX_FOREIGN_ISSUER_LENGTH,
          description: "The iss of the old tokens. Default: the realm's issuer",
        }),
      ),
      until: Type.String({
        format: 'date-time',
        description: `When the last token of the other server has ended; within ${MAX_FOREIGN_KEY_DAYS} days`,
      }),
    },
    Closed,
  ),
)

const PublishedForeignKeys = named(
  'PublishedForeignKeys',
  Type.Object({
    items: Type.Array(ForeignKey),
    notes: Type.Array(Type.String(), { description: 'What was left out, and why' }),
  }),
)

/** Public keys of the server that a realm was moved from. */
export function foreignKeyRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'realms' | 'foreignKeys'>,
): void {
  app.get(
    '/admin/realms/:realm/foreign-keys',
    {
      schema: {
        tags,
        operationId: 'listForeignKeys',
        summary: 'List the published keys of another server, in order of kid',
        params: InRealm,
        response: { 200: listOf(ForeignKey) },
      },
    },
    async (request, reply) => {
      const { realm } = request.params
      const actor = actorOf(request)
      const { version, listed } = await listWithVersion(
        () => operations.foreignKeys.list(actor, realm),
        () => operations.realms.find(actor, realm),
      )
      const wire = { items: listed.map((key) => foreignKeyToWire(key, realm)), next_cursor: null }
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )
  changeRoutes(app, operations)
}

function changeRoutes(app: AdminScope, operations: Pick<Operations, 'foreignKeys'>): void {
  app.post(
    '/admin/realms/:realm/foreign-keys',
    {
      schema: {
        tags,
        operationId: 'publishForeignKeys',
        summary: `Publish public keys of another server until a time, ${MAX_FOREIGN_KEYS} at most; for platform administrators`,
        params: InRealm,
        body: NewForeignKeys,
        response: { 200: PublishedForeignKeys },
      },
    },
    async (request) => {
      const { realm } = request.params
      const { jwks, jwks_uri: jwksUri, issuer, until } = request.body
      const sent = { jwks, jwksUri, issuer, until: readMoment(until, 'until') as Date }
      const { keys, notes } = await operations.foreignKeys.publish(actorOf(request), realm, sent)
      return { items: keys.map((key) => foreignKeyToWire(key, realm)), notes: [...notes] }
    },
  )

  app.delete(
    '/admin/realms/:realm/foreign-keys/:kid',
    {
      schema: {
        tags,
        operationId: 'withdrawForeignKey',
        summary: 'Withdraw a key of another server: it is removed at once, and its tokens become inactive',
        params: Type.Object({
          ...InRealm.properties,
          kid: Type.String({ pattern: FOREIGN_KID_PATTERN, description: 'kid of the key' }),
        }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, kid } = request.params
      await operations.foreignKeys.withdraw(actorOf(request), realm, kid)
      return reply.code(204).send(null)
    },
  )
}
