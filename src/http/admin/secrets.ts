import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { clientSecretToWire, newCredentialsToWire, serviceAccountToWire } from '../../wire/service-account.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf, listWithVersion } from './etag.ts'
import { readMoment } from './moment.ts'
import { Closed, listOf, named, OfAccount, PathName } from './schemas.ts'
import { ClientSecretAnswer, NewCredentialsAnswer } from './secret-schema.ts'

const tags = ['Secrets']

/** Secrets of a service account: replaced at once, or rotated with an overlap. */
export function secretRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'accounts' | 'secrets'>,
  publicUrl: string,
): void {
  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/reset-secret',
    {
      schema: {
        tags,
        operationId: 'resetSecret',
        summary:
          'Replace all secrets by a new one, shown only in this answer; the old ones stop working at once',
        params: OfAccount,
        body: Type.Object({}, Closed),
        response: { 200: NewCredentialsAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const reset = await operations.secrets.reset(actorOf(request), realm, client_id)
      return reply
        .header('etag', etagOf(reset.account.version, serviceAccountToWire(reset.account, realm)))
        .send(newCredentialsToWire(reset, realm))
    },
  )

  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/secrets',
    {
      schema: {
        tags,
        operationId: 'listSecrets',
        summary: 'List the secrets that are valid now, newest first',
        params: OfAccount,
        response: { 200: listOf(ClientSecretAnswer) },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const actor = actorOf(request)
      const { version, listed } = await listWithVersion(
        () => operations.secrets.list(actor, realm, client_id),
        () => operations.accounts.find(actor, realm, client_id),
      )
      const wire = { items: listed.map(clientSecretToWire), next_cursor: null }
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )
  rotationRoutes(app, operations, publicUrl)
}

/** A rotation: two secrets for a while. */
function rotationRoutes(app: AdminScope, operations: Pick<Operations, 'secrets'>, publicUrl: string): void {
  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/secrets',
    {
      schema: {
        tags,
        operationId: 'startSecretRotation',
        summary: 'Add a second secret, shown only in this answer; the old one works until its end',
        params: OfAccount,
        body: named(
          'NewRotation',
          Type.Object(
            {
              old_secret_expires_at: Type.Optional(
                Type.String({ format: 'date-time', description: 'Within 90 days. Default: in 24 hours' }),
              ),
            },
            Closed,
          ),
        ),
        response: { 201: NewCredentialsAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const end = request.body.old_secret_expires_at
      const rotated = await operations.secrets.startRotation(
        actorOf(request),
        realm,
        client_id,
        readMoment(end, 'old_secret_expires_at'),
      )
      const { account, secret } = rotated
      const path = `/admin/realms/${realm}/service-accounts/${client_id}/secrets/${secret.id}`
      return reply
        .code(201)
        .header('location', `${publicUrl}${path}`)
        .header('etag', etagOf(account.version, serviceAccountToWire(account, realm)))
        .send(newCredentialsToWire(rotated, realm))
    },
  )

  app.delete(
    '/admin/realms/:realm/service-accounts/:client_id/secrets/:id',
    {
      schema: {
        tags,
        operationId: 'deleteSecret',
        summary: 'End a rotation: delete the old secret to finish it, or the new one to cancel it',
        params: Type.Object({ ...OfAccount.properties, id: PathName('id of the secret') }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, client_id, id } = request.params
      await operations.secrets.delete(actorOf(request), realm, client_id, id)
      return reply.code(204).send(null)
    },
  )
}
