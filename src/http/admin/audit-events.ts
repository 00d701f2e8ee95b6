import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Operations } from '../../operations/operations.ts'
import type { TrailOwner } from '../../operations/upkeep/audit-events.ts'
import { auditEventToWire } from '../../wire/audit-event.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { readMoment } from './moment.ts'
import { DEFAULT_LIMIT, InRealm, MaybeText, Moment, PageQuery, pageOf, SearchText } from './schemas.ts'

const NDJSON = 'application/x-ndjson'

const AuditEvent = Type.Object({
  id: Type.String(),
  realm: MaybeText,
  realm_id: Type.Union([Type.String(), Type.Null()], {
    description: 'Tells realms apart that have had the same name; null: of the platform itself',
  }),
  occurred_at: Moment,
  actor: Type.Object({
    kind: Type.Enum(['cli', 'api', 'portal', 'server']),
    id: Type.String({ description: "realm/client_id, a portal user, or the operating system's user" }),
    address: MaybeText,
  }),
  action: Type.String({ description: 'service-account.create, key.rotate, …' }),
  target: MaybeText,
  outcome: Type.Enum(['done', 'refused']),
  details: Type.Object({}, { additionalProperties: true, description: 'Before and after, without secrets' }),
})

const Query = Type.Object({
  ...PageQuery,
  from: Type.Optional(Type.String({ format: 'date-time', description: 'At that time or later' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Before that time' })),
  action: Type.Optional(SearchText),
  actor: Type.Optional(SearchText),
  target: Type.Optional(SearchText),
  format: Type.Optional(
    Type.Enum(['json', 'ndjson'], {
      description: `ndjson: all of them in one answer, as with Accept: ${NDJSON}. Default: json`,
    }),
  ),
})

const PlatformQuery = Type.Object({
  ...Query.properties,
  realm_id: Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,17}$',
      description: 'The trail of the realm with that id, also of one that was deleted',
    }),
  ),
})

const response = {
  200: {
    description: 'A page, the newest first; or all of them, an event a line',
    content: {
      'application/json': { schema: pageOf(AuditEvent) },
      [NDJSON]: { schema: AuditEvent },
    },
  },
}

type TrailRequest = FastifyRequest<{ Querystring: Type.Static<typeof PlatformQuery> }>

/** Audit trail of a realm, and of the platform. */
export function auditEventRoutes(app: AdminScope, operations: Pick<Operations, 'audit'>): void {
  async function answer(request: TrailRequest, reply: FastifyReply, owner: TrailOwner) {
    const { cursor, limit = DEFAULT_LIMIT, from, to, format, realm_id: _, ...filter } = request.query
    const search = { ...filter, from: readMoment(from, 'from'), to: readMoment(to, 'to') }
    const actor = actorOf(request)
    if (format === 'ndjson' || (!format && request.headers.accept?.includes(NDJSON)))
      return sendAll(reply, await operations.audit.export(actor, owner, search))
    const after = readCursor(cursor)
    return pageToWire(
      await operations.audit.list(actor, owner, { ...search, after, limit }),
      auditEventToWire,
    )
  }

  app.get(
    '/admin/audit-events',
    {
      schema: {
        tags: ['Audit trail'],
        summary:
          'What happened to the platform itself, or with realm_id to a realm, for platform administrators',
        querystring: PlatformQuery,
        response,
      },
    },
    (request, reply) => {
      const { realm_id: id } = request.query
      return answer(request, reply, id === undefined ? undefined : { id })
    },
  )

  app.get(
    '/admin/realms/:realm/audit-events',
    {
      schema: {
        tags: ['Audit trail'],
        summary: 'What happened in a realm: changes, and refused attempts at them',
        description:
          'For platform administrators also in a realm that was deleted, the last one of that name.',
        params: InRealm,
        querystring: Query,
        response,
      },
    },
    (request, reply) => answer(request, reply, request.params.realm),
  )
}

/** One line per event, sent as it is read. */
function sendAll(reply: FastifyReply, events: AsyncIterable<RecordedAuditEvent>): FastifyReply {
  const lines = Readable.from(events).map((event) => `${JSON.stringify(auditEventToWire(event))}\n`)
  return reply.header('content-type', NDJSON).send(lines)
}
