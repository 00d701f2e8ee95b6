import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Operations } from '../../operations/operations.ts'
import { auditEventToWire } from '../../wire/audit-event.ts'
import type { AdminScope } from './admin-api.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { readMoment } from './moment.ts'
import { DEFAULT_LIMIT, InRealm, MaybeText, Moment, PageQuery, pageOf, SearchText } from './schemas.ts'

const NDJSON = 'application/x-ndjson'

const AuditEvent = Type.Object({
  id: Type.String(),
  realm: MaybeText,
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

const response = {
  200: {
    description: 'A page, the newest first; or all of them, an event a line',
    content: {
      'application/json': { schema: pageOf(AuditEvent) },
      [NDJSON]: { schema: AuditEvent },
    },
  },
}

type TrailRequest = FastifyRequest<{ Querystring: Type.Static<typeof Query> }>

/** The audit trail of a realm, and of the platform itself. */
export function auditEventRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'listAuditEvents' | 'exportAuditEvents'>,
): void {
  async function answer(request: TrailRequest, reply: FastifyReply, realm: string | undefined) {
    const { cursor, limit = DEFAULT_LIMIT, from, to, format, ...filter } = request.query
    const search = { ...filter, from: readMoment(from, 'from'), to: readMoment(to, 'to') }
    const actor = actorOf(request)
    if (format === 'ndjson' || (!format && request.headers.accept?.includes(NDJSON)))
      return sendAll(reply, await operations.exportAuditEvents(actor, realm, search))
    const after = readCursor(cursor)
    return pageToWire(
      await operations.listAuditEvents(actor, realm, { ...search, after, limit }),
      auditEventToWire,
    )
  }

  app.get(
    '/admin/audit-events',
    {
      schema: {
        tags: ['Audit trail'],
        summary: 'What happened to the platform itself, for platform administrators',
        querystring: Query,
        response,
      },
    },
    (request, reply) => answer(request, reply, undefined),
  )

  app.get(
    '/admin/realms/:tenant/audit-events',
    {
      schema: {
        tags: ['Audit trail'],
        summary: 'What happened in a realm: changes, and refused attempts at them',
        params: InRealm,
        querystring: Query,
        response,
      },
    },
    (request, reply) => answer(request, reply, request.params.tenant),
  )
}

/** A line each, as fast as they are read. */
function sendAll(reply: FastifyReply, events: AsyncIterable<RecordedAuditEvent>): FastifyReply {
  const lines = Readable.from(events).map((event) => `${JSON.stringify(auditEventToWire(event))}\n`)
  return reply.header('content-type', NDJSON).send(lines)
}
