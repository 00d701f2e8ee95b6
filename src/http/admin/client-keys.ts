import { KID_PATTERN } from '../../domain/client-key.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { clientKeyToWire } from '../../wire/service-account.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import {
  ClientKeyAnswer,
  ClientKeyChange,
  KeepTokens,
  NewClientKey,
  readNewKey,
} from './client-key-schema.ts'
import { etagOf, listWithVersion } from './etag.ts'
import { readMoment } from './moment.ts'
import { listOf, OfAccount } from './schemas.ts'

const tags = ['Public keys']

const OfKey = Type.Object({
  ...OfAccount.properties,
  kid: Type.String({ pattern: KID_PATTERN, description: 'Percent-encoded in the address' }),
})

/** Public keys of a service account, for private_key_jwt (RFC 7523). */
export function clientKeyRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'accounts' | 'clientKeys'>,
  publicUrl: string,
): void {
  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/keys',
    {
      schema: {
        tags,
        operationId: 'listPublicKeys',
        summary: 'List the public keys, expired ones too, newest first',
        params: OfAccount,
        response: { 200: listOf(ClientKeyAnswer) },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const actor = actorOf(request)
      const { version, listed } = await listWithVersion(
        () => operations.clientKeys.list(actor, realm, client_id),
        () => operations.accounts.find(actor, realm, client_id),
      )
      const wire = { items: listed.map(clientKeyToWire), next_cursor: null }
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )

  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/keys',
    {
      schema: {
        tags,
        operationId: 'addPublicKey',
        summary: 'Add a public key. It is used while the auth_methods of the account contain private_key_jwt',
        params: OfAccount,
        body: NewClientKey,
        response: { 201: ClientKeyAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const sent = readNewKey(request.body, 'expires_at')
      const { account, key } = await operations.clientKeys.add(actorOf(request), realm, client_id, sent)
      const wire = clientKeyToWire(key)
      const path = `/admin/realms/${realm}/service-accounts/${client_id}/keys/${encodeURIComponent(key.kid)}`
      return reply
        .code(201)
        .header('location', `${publicUrl}${path}`)
        .header('etag', etagOf(account.version, wire))
        .send(wire)
    },
  )
  oneKeyRoutes(app, operations)
}

/** One public key. */
function oneKeyRoutes(app: AdminScope, operations: Pick<Operations, 'accounts' | 'clientKeys'>): void {
  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/keys/:kid',
    {
      schema: {
        tags,
        operationId: 'getPublicKey',
        summary: 'Read a public key',
        params: OfKey,
        response: { 200: ClientKeyAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id, kid } = request.params
      const actor = actorOf(request)
      const { version, listed } = await listWithVersion(
        () => operations.clientKeys.find(actor, realm, client_id, kid),
        () => operations.accounts.find(actor, realm, client_id),
      )
      const wire = clientKeyToWire(listed)
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )

  app.patch(
    '/admin/realms/:realm/service-accounts/:client_id/keys/:kid',
    {
      schema: {
        tags,
        operationId: 'updatePublicKey',
        summary: 'Rename a public key, or set its expiry; members left out stay',
        params: OfKey,
        querystring: KeepTokens,
        body: ClientKeyChange,
        response: { 200: ClientKeyAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id, kid } = request.params
      const { name, expires_at } = request.body
      const { account, key } = await operations.clientKeys.update(actorOf(request), realm, client_id, {
        kid,
        name,
        expiresAt: expires_at === null ? null : readMoment(expires_at, 'expires_at'),
        keepTokens: request.query.keep_tokens === 'true',
      })
      const wire = clientKeyToWire(key)
      return reply.header('etag', etagOf(account.version, wire)).send(wire)
    },
  )
  deleteKeyRoute(app, operations)
}

function deleteKeyRoute(app: AdminScope, operations: Pick<Operations, 'clientKeys'>): void {
  app.delete(
    '/admin/realms/:realm/service-accounts/:client_id/keys/:kid',
    {
      schema: {
        tags,
        operationId: 'deletePublicKey',
        summary: 'Delete a public key: the next request that it signed is refused',
        params: OfKey,
        querystring: KeepTokens,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, client_id, kid } = request.params
      const keepTokens = request.query.keep_tokens === 'true'
      await operations.clientKeys.delete(actorOf(request), realm, client_id, { kid, keepTokens })
      return reply.code(204).send(null)
    },
  )
}
