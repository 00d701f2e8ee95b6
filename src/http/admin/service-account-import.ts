import { FOREIGN_HASH_KINDS } from '../../domain/foreign-hash.ts'
import { Refusal } from '../../domain/refusal.ts'
import { importLines, MAX_LINES } from '../../operations/import-lines.ts'
import type { Operations } from '../../operations/operations.ts'
import { accountOutcomeToWire } from '../../wire/account-outcome.ts'
import { Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { acceptNdjson, NDJSON, NDJSON_ROUTE, sendOutcomes } from './ndjson.ts'
import { InRealm, named } from './schemas.ts'

const Outcome = named(
  'ServiceAccountImportLine',
  Type.Object({
    line: Type.Integer({ description: 'From 1' }),
    status: Type.Enum(['created', 'updated', 'unchanged', 'refused', 'failed'], {
      description: 'failed: this line and those after it were not taken; detail says why',
    }),
    client_id: Type.Optional(Type.String()),
    foreign_hash: Type.Optional(
      Type.Enum([...FOREIGN_HASH_KINDS], { description: 'Hash that its secret has until it is used' }),
    ),
    detail: Type.Optional(Type.String()),
    field: Type.Optional(Type.String({ description: 'The member at fault' })),
  }),
)

const EXAMPLE = '{"client_id":"billing","name":"Billing","roles":["view"],"secret_hash":"$2b$10$…"}'

/** Service accounts of another server, with the secrets that their clients have. */
export async function serviceAccountImportRoute(
  app: AdminScope,
  operations: Pick<Operations, 'accounts'>,
): Promise<void> {
  await app.register(async (scope: AdminScope) => {
    acceptNdjson(scope)
    scope.post(
      '/admin/realms/:realm/service-accounts/import',
      {
        ...NDJSON_ROUTE,
        schema: {
          tags: ['Service accounts'],
          operationId: 'importServiceAccounts',
          summary:
            'Import service accounts with their secrets or hashes: one line each, in the request and in the answer',
          description:
            `Up to ${MAX_LINES} lines of client_id, name, description, roles, scopes, introspects_audiences, enabled, created_at, ` +
            'claims, metadata, subject, jwks or jwks_uri (public keys), keep (members for a new account alone), and ' +
            'client_secret or secret_hash: argon2id, bcrypt ($2a$, $2b$, $2y$; cost up to 14), PBKDF2 ($pbkdf2-sha256$, ' +
            '$pbkdf2-sha512$; up to 1,000,000 rounds), sha256: or sha512: in base64, base64url or hex; secret_created_at; and of a ' +
            'rotation under way old_client_secret, old_secret_expires_at, old_secret_created_at. The first right use of a ' +
            'secret replaces its foreign hash. An account that is there is changed by what its line says; a secret that was ' +
            'made here stays. The same line again changes nothing. A line that is refused keeps no other out.',
          params: InRealm,
          body: {
            content: { [NDJSON]: { schema: Type.String({ description: `${EXAMPLE} on each line` }) } },
          },
          response: { 200: { description: 'A line each', content: { [NDJSON]: { schema: Outcome } } } },
        },
      },
      async (request, reply) => {
        const { realm } = request.params
        // Without a body and its type there was nothing to validate.
        const text: unknown = request.body
        if (typeof text !== 'string')
          throw new Refusal('invalid', 'Send a service account on each line of the body.')
        const actor = actorOf(request)
        const chunks = importLines(text, (entries) => operations.accounts.import(actor, realm, entries))
        return sendOutcomes(request, reply, chunks, accountOutcomeToWire)
      },
    )
  })
}
