import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Operations } from '../../operations/operations.ts'
import type { TrailOwner } from '../../operations/upkeep/audit-events.ts'
import { auditEventToWire } from '../../wire/audit-event.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { readMoment } from './moment.ts'
import { DEFAULT_LIMIT, InRealm, MaybeText, Moment, named, PageQuery, pageOf, SearchText } from './schemas.ts'

const OUTCOMES = ['done', 'refused'] as const

const NDJSON = 'application/x-ndjson'

const AuditEvent = named(
  'AuditEvent',
  Type.Object({
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
    outcome: Type.Enum([...OUTCOMES]),
    details: Type.Object(
      {},
      { additionalProperties: true, description: 'Before and after, without secrets' },
    ),
  }),
)

const Search = Type.Object({
  from: Type.Optional(Type.String({ format: 'date-time', description: 'At that time or later' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Before that time' })),
  action: Type.Optional({ ...SearchText, description: 'Events of that action' }),
  actor: Type.Optional({ ...SearchText, description: 'Events by the actor of that id' }),
  target: Type.Optional({ ...SearchText, description: 'Events about that target' }),
  outcome: Type.Optional(Type.Enum([...OUTCOMES], { description: 'Events of that outcome' })),
})

const Query = Type.Object({
  ...PageQuery,
  ...Search.properties,
  // Before /export was there.
  format: Type.Optional(Type.Enum(['json', 'ndjson'], { deprecated: true })),
})

const OfRealmId = Type.Object({
  realm_id: Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,17}$',
      description: 'The trail of the realm with that id, also of one that was deleted',
    }),
  ),
})

const PlatformQuery = Type.Object({ ...Query.properties, ...OfRealmId.properties })
const PlatformSearch = Type.Object({ ...Search.properties, ...OfRealmId.properties })

const tags = ['Audit trail']

const OF_PLATFORM = 'List the audit events of the platform, or with realm_id of a realm'
const OF_REALM = 'List the audit events of a realm: changes and refused attempts'
const OF_DELETED = 'For platform administrators also in a realm that was deleted, the last one of that name.'

const page = { 200: pageOf(AuditEvent) }
const lines = {
  200: {
    description: 'All events, the newest first, one on each line',
    content: { [NDJSON]: { schema: AuditEvent } },
  },
}

type TrailRequest = FastifyRequest<{ Querystring: Static<typeof PlatformQuery> }>

/** Audit trail of a realm, and of the platform. */
export function auditEventRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'audit'>,
  publicUrl: string,
): void {
  async function answer(request: TrailRequest, reply: FastifyReply, owner: TrailOwner) {
    const { cursor, limit = DEFAULT_LIMIT, format } = request.query
    if (format === 'ndjson' || (!format && request.headers.accept?.includes(NDJSON))) {
      const [path] = request.url.split('?')
      reply.header('link', `<${publicUrl}${path}/export>; rel="successor-version"`)
      return sendAll(reply, await operations.audit.export(actorOf(request), owner, searchOf(request)))
    }
    const search = { ...searchOf(request), after: readCursor(cursor), limit }
    return pageToWire(await operations.audit.list(actorOf(request), owner, search), auditEventToWire)
  }

  app.get(
    '/admin/audit-events',
    {
      schema: {
        tags,
        operationId: 'listPlatformAuditEvents',
        summary: OF_PLATFORM,
        querystring: PlatformQuery,
        response: page,
      },
    },
    (request, reply) => answer(request, reply, platformTrail(request)),
  )

  app.get(
    '/admin/realms/:realm/audit-events',
    {
      schema: {
        tags,
        operationId: 'listAuditEvents',
        summary: OF_REALM,
        description: OF_DELETED,
        params: InRealm,
        querystring: Query,
        response: page,
      },
    },
    (request, reply) => answer(request, reply, request.params.realm),
  )
  exportRoutes(app, operations)
}

/** All of a trail in one answer. */
function exportRoutes(app: AdminScope, { audit }: Pick<Operations, 'audit'>): void {
  app.get(
    '/admin/audit-events/export',
    {
      schema: {
        tags,
        operationId: 'exportPlatformAuditEvents',
        summary: `${OF_PLATFORM}, all in one answer`,
        querystring: PlatformSearch,
        response: lines,
      },
    },
    async (request, reply) =>
      sendAll(reply, await audit.export(actorOf(request), platformTrail(request), searchOf(request))),
  )

  app.get(
    '/admin/realms/:realm/audit-events/export',
    {
      schema: {
        tags,
        operationId: 'exportAuditEvents',
        summary: `${OF_REALM}, all in one answer`,
        description: OF_DELETED,
        params: InRealm,
        querystring: Search,
        response: lines,
      },
    },
    async (request, reply) =>
      sendAll(reply, await audit.export(actorOf(request), request.params.realm, searchOf(request))),
  )
}

function platformTrail({ query: { realm_id: id } }: Pick<TrailRequest, 'query'>): TrailOwner {
  return id === undefined ? undefined : { id }
}

function searchOf({ query: { from, to, action, actor, target, outcome } }: Pick<TrailRequest, 'query'>) {
  return { action, actor, target, outcome, from: readMoment(from, 'from'), to: readMoment(to, 'to') }
}

/** One line per event, sent as it is read. */
function sendAll(reply: FastifyReply, events: AsyncIterable<RecordedAuditEvent>): FastifyReply {
  const sent = Readable.from(events).map((event) => `${JSON.stringify(auditEventToWire(event))}\n`)
  return reply.header('content-type', NDJSON).send(sent)
}
