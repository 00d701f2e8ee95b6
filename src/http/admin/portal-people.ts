import { MAX_NAME_LENGTH } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { portalSessionToWire } from '../../wire/portal-session.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { Closed, InRealm, listOf, MaybeText, Moment, named, PathName } from './schemas.ts'

const tags = ['People']

const Access = Type.Enum(['view', 'administer'])

const Link = named(
  'PortalLink',
  Type.Object({
    url: Type.String({ description: 'Shown this once: whoever has it gets in, one person at most' }),
    realm: Type.String(),
    person: MaybeText,
    access: Access,
    expires_at: Moment,
  }),
)

const Session = named(
  'PortalSession',
  Type.Object({
    id: Type.String(),
    realm: Type.String(),
    subject: Type.String(),
    display_name: Type.String(),
    access: Access,
    address: Type.String(),
    created_at: Moment,
  }),
)

const Ended = named(
  'EndedPortalSessions',
  Type.Object({ realm: Type.String(), ended: Type.Integer({ description: 'How many' }) }),
)

/** People in the portal: with the authority that the portal's own page asks for. */
export function portalPeopleRoutes(app: AdminScope, operations: Pick<Operations, 'portal'>): void {
  app.post(
    '/admin/realms/:realm/portal-links',
    {
      schema: {
        tags,
        operationId: 'createPortalLink',
        summary: 'Make a one-time link to the portal of the realm',
        params: InRealm,
        body: named(
          'NewPortalLink',
          Type.Object(
            {
              person: Type.Optional(
                Type.String({
                  minLength: 1,
                  maxLength: MAX_NAME_LENGTH,
                  description: 'For whom: the name stands in the audit trail',
                }),
              ),
              access: Type.Optional(
                Type.Enum(['view', 'administer'], { description: 'Default: administer' }),
              ),
            },
            Closed,
          ),
        ),
        response: { 200: Link },
      },
    },
    async (request) => {
      const { realm } = request.params
      const { person, access = 'administer' } = request.body
      const { url, expiresAt } = await operations.portal.createLink(actorOf(request), realm, {
        person,
        access,
      })
      return { url, realm, person: person ?? null, access, expires_at: expiresAt }
    },
  )
  sessionRoutes(app, operations)
}

function sessionRoutes(app: AdminScope, { portal }: Pick<Operations, 'portal'>): void {
  app.get(
    '/admin/realms/:realm/portal-sessions',
    {
      schema: {
        tags,
        operationId: 'listPortalSessions',
        summary: 'List the people who are signed in to the portal of the realm',
        params: InRealm,
        response: { 200: listOf(Session) },
      },
    },
    async (request) => {
      const { realm } = request.params
      const sessions = await portal.listSessions(actorOf(request), realm)
      return { items: sessions.map((session) => portalSessionToWire(session, realm)), next_cursor: null }
    },
  )

  app.delete(
    '/admin/realms/:realm/portal-sessions',
    {
      schema: {
        tags,
        operationId: 'endPortalSessions',
        summary: 'Sign a person out of the portal, or all people of the realm',
        params: InRealm,
        querystring: Type.Object({
          subject: Type.Optional(
            Type.String({ pattern: '^[^\\u0000-\\u001f]{1,500}$', description: 'Default: everybody' }),
          ),
        }),
        response: { 200: Ended },
      },
    },
    async (request) => {
      const { realm } = request.params
      return { realm, ended: await portal.endSessions(actorOf(request), realm, request.query.subject) }
    },
  )
  oneSessionRoute(app, { portal })
}

function oneSessionRoute(app: AdminScope, { portal }: Pick<Operations, 'portal'>): void {
  app.delete(
    '/admin/realms/:realm/portal-sessions/:id',
    {
      schema: {
        tags,
        operationId: 'endPortalSession',
        summary: 'End one session: its next request must sign in again',
        params: Type.Object({ ...InRealm.properties, id: PathName('id of the session') }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      await portal.endSessions(actorOf(request), realm, undefined, id)
      return reply.code(204).send(null)
    },
  )
}
