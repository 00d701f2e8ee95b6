import type { FastifyReply } from 'fastify'
import type { Warned } from '../../domain/impossible-claims.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { realmToWire } from '../../wire/realm.ts'
import { warningsToWire } from '../../wire/warnings.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { etagOf } from './etag.ts'
import { NewRealm, RealmAnswer, RealmChange, readSettings } from './realm-schema.ts'
import { DEFAULT_LIMIT, InRealm, PageQuery, pageOf, SearchText } from './schemas.ts'

/** A realm has many roles. */
const BODY_LIMIT_BYTES = 256 * 1024

const tags = ['Realms']

const RealmListQuery = Type.Object({
  ...PageQuery,
  search: Type.Optional({
    ...SearchText,
    description: 'Part of the name or the display name, whatever its case',
  }),
})

/** Realms: all for platform administrators, its own for a realm's administrator. */
export function realmRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'realms'>,
  publicUrl: string,
): void {
  app.get(
    '/admin/realms',
    {
      schema: {
        tags,
        operationId: 'listRealms',
        summary: 'List realms, in order of name',
        querystring: RealmListQuery,
        response: { 200: pageOf(RealmAnswer) },
      },
    },
    async (request) => {
      const { cursor, limit = DEFAULT_LIMIT, search } = request.query
      const asked = { after: readCursor(cursor) ?? '', limit, search, signal: request.signal }
      const page = await operations.realms.list(actorOf(request), asked)
      return pageToWire(page, (realm) => realmToWire(realm, publicUrl))
    },
  )

  app.post(
    '/admin/realms',
    {
      bodyLimit: BODY_LIMIT_BYTES,
      config: { bodyLimitBytes: BODY_LIMIT_BYTES },
      schema: {
        tags,
        operationId: 'createRealm',
        summary: 'Create a realm with a signing key',
        body: NewRealm,
        response: { 201: RealmAnswer },
      },
    },
    async (request, reply) => {
      const { name, ...settings } = request.body
      const realm = await operations.realms.create(actorOf(request), name, readSettings(settings))
      reply.code(201).header('location', `${publicUrl}/admin/realms/${name}`)
      return sendChanged(reply, realm, publicUrl)
    },
  )
  oneRealmRoutes(app, operations, publicUrl)
}

/** One realm. */
function oneRealmRoutes(app: AdminScope, operations: Pick<Operations, 'realms'>, publicUrl: string): void {
  app.get(
    '/admin/realms/:realm',
    {
      schema: {
        tags,
        operationId: 'getRealm',
        summary: 'Read a realm',
        params: InRealm,
        response: { 200: RealmAnswer },
      },
    },
    async (request, reply) => {
      const realm = await operations.realms.find(actorOf(request), request.params.realm)
      const wire = realmToWire(realm, publicUrl)
      return reply.header('etag', etagOf(realm.version, wire)).send(wire)
    },
  )

  app.patch(
    '/admin/realms/:realm',
    {
      bodyLimit: BODY_LIMIT_BYTES,
      config: { bodyLimitBytes: BODY_LIMIT_BYTES },
      schema: {
        tags,
        operationId: 'updateRealm',
        summary: 'Change settings of a realm; members left out stay',
        params: InRealm,
        body: RealmChange,
        response: { 200: RealmAnswer },
      },
    },
    async (request, reply) => {
      const { realm: name } = request.params
      const realm = await operations.realms.update(actorOf(request), name, readSettings(request.body))
      return sendChanged(reply, realm, publicUrl)
    },
  )
  deleteRealmRoute(app, operations)
}

function deleteRealmRoute(app: AdminScope, operations: Pick<Operations, 'realms'>): void {
  app.delete(
    '/admin/realms/:realm',
    {
      schema: {
        tags,
        operationId: 'deleteRealm',
        summary: 'Delete a realm with everything in it',
        params: InRealm,
        querystring: Type.Object({
          confirm: Type.Optional(Type.String({ maxLength: 63, description: "The realm's name once more" })),
        }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm: name } = request.params
      const actor = actorOf(request)
      await operations.realms.find(actor, name)
      if (request.query.confirm !== name)
        throw new Refusal(
          'invalid',
          `Say ?confirm=${name} to delete the realm and everything in it.`,
          'confirm',
        )
      await operations.realms.delete(actor, name)
      return reply.code(204).send(null)
    },
  )
}

function sendChanged(reply: FastifyReply, realm: Warned<Realm>, publicUrl: string): FastifyReply {
  const wire = realmToWire(realm, publicUrl)
  return reply
    .header('etag', etagOf(realm.version, wire))
    .send({ ...wire, ...warningsToWire(realm.warnings) })
}
