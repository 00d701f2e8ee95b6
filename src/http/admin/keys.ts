import { ALGORITHMS } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { signingKeyToWire } from '../../wire/signing-key.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf, listWithVersion } from './etag.ts'
import { Closed, InRealm, listOf, MaybeMoment, Moment, named, PathName } from './schemas.ts'

const tags = ['Signing keys']

const SigningKey = named(
  'SigningKey',
  Type.Object({
    kid: Type.String(),
    realm: Type.String(),
    algorithm: Type.Enum([...ALGORITHMS]),
    state: Type.Enum(['next', 'current', 'retired']),
    published_at: Moment,
    activates_at: Moment,
    activated_at: MaybeMoment,
    retired_at: MaybeMoment,
  }),
)

/** Signing keys of a realm. */
export function keyRoutes(app: AdminScope, operations: Pick<Operations, 'realms' | 'signingKeys'>): void {
  app.get(
    '/admin/realms/:realm/keys',
    {
      schema: {
        tags,
        operationId: 'listSigningKeys',
        summary: 'List the published keys, oldest first',
        params: InRealm,
        response: { 200: listOf(SigningKey) },
      },
    },
    async (request, reply) => {
      const { realm } = request.params
      const actor = actorOf(request)
      const { version, listed } = await listWithVersion(
        () => operations.signingKeys.list(actor, realm),
        () => operations.realms.find(actor, realm),
      )
      const wire = { items: listed.map((key) => signingKeyToWire(key, realm)), next_cursor: null }
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )
  changeRoutes(app, operations)
}

/** Changes of the keys. */
function changeRoutes(app: AdminScope, operations: Pick<Operations, 'signingKeys'>): void {
  app.post(
    '/admin/realms/:realm/keys/rotate',
    {
      schema: {
        tags,
        operationId: 'rotateSigningKey',
        summary: 'Publish the next key now; it signs once every cache of the JWKS has it',
        params: InRealm,
        body: Type.Object({}, Closed),
        response: { 200: SigningKey },
      },
    },
    async (request) => {
      const { realm } = request.params
      return signingKeyToWire(await operations.signingKeys.rotate(actorOf(request), realm), realm)
    },
  )

  app.delete(
    '/admin/realms/:realm/keys/:kid',
    {
      schema: {
        tags,
        operationId: 'revokeSigningKey',
        summary: 'Revoke a compromised key: it is removed at once, and tokens that it signed are refused',
        params: Type.Object({ ...InRealm.properties, kid: PathName('kid of the key') }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, kid } = request.params
      await operations.signingKeys.revoke(actorOf(request), realm, kid)
      return reply.code(204).send(null)
    },
  )
}
