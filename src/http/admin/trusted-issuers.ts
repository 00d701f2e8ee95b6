import type { FastifyReply } from 'fastify'
import type { ChangedIssuer } from '../../operations/federation/trusted-issuers.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { trustedIssuerToWire } from '../../wire/trusted-issuer.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf } from './etag.ts'
import { InRealm, listOf, named, PathName } from './schemas.ts'
import {
  NewTrustedIssuer,
  readIssuer,
  TrustedIssuerAnswer,
  TrustedIssuerChange,
} from './trusted-issuer-schema.ts'

const tags = ['Trusted issuers']

const OfIssuer = Type.Object({ ...InRealm.properties, id: PathName('id of the trusted issuer') })

const Ending = named(
  'EndOfTrust',
  Type.Object({ ending: Type.Boolean({ description: 'true: tokens are still being ended' }) }),
)

/** Platforms whose tokens get in as service accounts, without a secret. */
export function trustedIssuerRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'trustedIssuers'>,
  publicUrl: string,
): void {
  app.get(
    '/admin/realms/:realm/trusted-issuers',
    {
      schema: {
        tags,
        operationId: 'listTrustedIssuers',
        summary: 'List the trusted issuers, in order of their issuer',
        params: InRealm,
        response: { 200: listOf(TrustedIssuerAnswer) },
      },
    },
    async (request) => {
      const issuers = await operations.trustedIssuers.list(actorOf(request), request.params.realm)
      return { items: issuers.map((issuer) => trustedIssuerToWire(issuer)), next_cursor: null }
    },
  )

  app.post(
    '/admin/realms/:realm/trusted-issuers',
    {
      schema: {
        tags,
        operationId: 'createTrustedIssuer',
        summary: 'Trust an issuer: workload identities map its tokens to service accounts',
        params: InRealm,
        body: NewTrustedIssuer,
        response: { 201: TrustedIssuerAnswer },
      },
    },
    async (request, reply) => {
      const { realm } = request.params
      const made = await operations.trustedIssuers.create(actorOf(request), realm, readIssuer(request.body))
      const path = `/admin/realms/${realm}/trusted-issuers/${made.issuer.id}`
      return sendIssuer(reply.code(201).header('location', `${publicUrl}${path}`), made)
    },
  )
  oneIssuerRoutes(app, operations)
}

/** One trusted issuer. */
function oneIssuerRoutes(app: AdminScope, operations: Pick<Operations, 'trustedIssuers'>): void {
  app.get(
    '/admin/realms/:realm/trusted-issuers/:id',
    {
      schema: {
        tags,
        operationId: 'getTrustedIssuer',
        summary: 'Read a trusted issuer',
        params: OfIssuer,
        response: { 200: TrustedIssuerAnswer },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      const issuer = await operations.trustedIssuers.find(actorOf(request), realm, id)
      return sendIssuer(reply, { issuer, notes: [] })
    },
  )

  app.patch(
    '/admin/realms/:realm/trusted-issuers/:id',
    {
      schema: {
        tags,
        operationId: 'updateTrustedIssuer',
        summary:
          'Change a trusted issuer; members left out stay. Disabling it or replacing its keys revokes the tokens of the accounts bound to it',
        params: OfIssuer,
        body: TrustedIssuerChange,
        response: { 200: TrustedIssuerAnswer, 202: TrustedIssuerAnswer },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      const sent = readIssuer(request.body)
      const changed = await operations.trustedIssuers.update(actorOf(request), realm, id, sent)
      return sendIssuer(reply.code(changed.issuer.ending ? 202 : 200), changed)
    },
  )
  endRoute(app, operations)
}

/** The end of trust. */
function endRoute(app: AdminScope, operations: Pick<Operations, 'trustedIssuers'>): void {
  app.delete(
    '/admin/realms/:realm/trusted-issuers/:id',
    {
      schema: {
        tags,
        operationId: 'deleteTrustedIssuer',
        summary:
          'Delete a trusted issuer with its workload identities; tokens obtained through it are revoked',
        params: OfIssuer,
        response: { 202: Ending, 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      const isDone = await operations.trustedIssuers.delete(actorOf(request), realm, id)
      return isDone ? reply.code(204).send(null) : reply.code(202).send({ ending: true })
    },
  )
}

function sendIssuer(reply: FastifyReply, { issuer, notes }: ChangedIssuer): FastifyReply {
  const wire = trustedIssuerToWire(issuer, notes)
  return reply.header('etag', etagOf(issuer.version, wire)).send(wire)
}
