import { MAX_CLAIM_PATH, MAX_RULE_TEXT, MAX_RULE_VALUES, MAX_RULES } from '../../domain/claim-rule.ts'
import { MAX_KEY_NAME_LENGTH } from '../../domain/client-key.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { workloadIdentityToWire } from '../../wire/workload-identity.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf, listWithVersion } from './etag.ts'
import { Closed, listOf, MaybeMoment, Moment, named, OfAccount, PathName } from './schemas.ts'

const tags = ['Workload identities']

const OfIdentity = Type.Object({ ...OfAccount.properties, id: PathName('id of the workload identity') })

const ONE_VALUE = [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }]

// The operation checks the rules, and names the member at fault.
const Rule = named(
  'ClaimRule',
  Type.Unsafe<object>({
    type: 'object',
    properties: {
      claim: {
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, maxItems: MAX_CLAIM_PATH }],
        description: `A name, or a path of up to ${MAX_CLAIM_PATH} names; each has 1 to ${MAX_RULE_TEXT} characters`,
      },
      equals: {
        anyOf: [...ONE_VALUE, { type: 'array', items: { anyOf: ONE_VALUE }, maxItems: MAX_RULE_VALUES }],
        description: `The value, or a list of values of which it is one; a text has 1 to ${MAX_RULE_TEXT} characters`,
      },
      matches: {
        type: 'string',
        minLength: 1,
        maxLength: MAX_RULE_TEXT,
        description: 'A text in which * stands for one or more characters other than / and :',
      },
    },
    additionalProperties: true,
  }),
)

const RuleAnswer = named(
  'StoredClaimRule',
  Type.Object({
    claim: Type.Array(Type.String()),
    equals: Type.Optional(Type.Unknown({ description: 'The value, or a list of values of which it is one' })),
    matches: Type.Optional(Type.String()),
  }),
)

const Rules = Type.Array(Rule, { minItems: 1, maxItems: MAX_RULES, description: 'Rules, all of which hold' })

const Name = Type.String({ maxLength: MAX_KEY_NAME_LENGTH, description: 'In your words' })

const NewIdentity = named(
  'NewWorkloadIdentity',
  Type.Object(
    { trusted_issuer: Type.String({ description: 'Its id' }), rules: Rules, name: Type.Optional(Name) },
    {
      ...Closed,
      description: 'A rule pins sub, or the rules pin all of the required_claims of the issuer, with equals',
    },
  ),
)

const IdentityAnswer = named(
  'WorkloadIdentity',
  Type.Object({
    id: Type.String(),
    trusted_issuer: Type.String(),
    name: Name,
    rules: Type.Array(RuleAnswer),
    warnings: Type.Array(Type.String(), { description: 'What to know of it, for people' }),
    created_at: Moment,
    last_used_at: MaybeMoment,
  }),
)

type Deps = Pick<Operations, 'accounts' | 'workloadIdentities'>

/** Which tokens of trusted issuers get in as a service account. */
export function workloadIdentityRoutes(app: AdminScope, operations: Deps, publicUrl: string): void {
  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/workload-identities',
    {
      schema: {
        tags,
        operationId: 'listWorkloadIdentities',
        summary: 'List the workload identities, newest first',
        params: OfAccount,
        response: { 200: listOf(IdentityAnswer) },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const actor = actorOf(request)
      const { version, listed } = await listWithVersion(
        () => operations.workloadIdentities.list(actor, realm, client_id),
        () => operations.accounts.find(actor, realm, client_id),
      )
      const wire = { items: listed.map(workloadIdentityToWire), next_cursor: null }
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )

  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/workload-identities',
    {
      schema: {
        tags,
        operationId: 'createWorkloadIdentity',
        summary:
          'Add a workload identity. It is used while the auth_methods of the account contain federated',
        params: OfAccount,
        body: NewIdentity,
        response: { 201: IdentityAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const { trusted_issuer: trustedIssuer, ...same } = request.body
      const asked = { ...same, trustedIssuer }
      const made = await operations.workloadIdentities.create(actorOf(request), realm, client_id, asked)
      const wire = workloadIdentityToWire(made.identity)
      const path = `/admin/realms/${realm}/service-accounts/${client_id}/workload-identities/${wire.id}`
      return reply
        .code(201)
        .header('location', `${publicUrl}${path}`)
        .header('etag', etagOf(made.accountVersion, wire))
        .send(wire)
    },
  )
  oneIdentityRoutes(app, operations)
}

/** One workload identity. It does not change: its rules are what it is. */
function oneIdentityRoutes(app: AdminScope, operations: Deps): void {
  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/workload-identities/:id',
    {
      schema: {
        tags,
        operationId: 'getWorkloadIdentity',
        summary: 'Read a workload identity',
        params: OfIdentity,
        response: { 200: IdentityAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id, id } = request.params
      const actor = actorOf(request)
      const { version, listed } = await listWithVersion(
        () => operations.workloadIdentities.find(actor, realm, client_id, id),
        () => operations.accounts.find(actor, realm, client_id),
      )
      const wire = workloadIdentityToWire(listed)
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )

  app.delete(
    '/admin/realms/:realm/service-accounts/:client_id/workload-identities/:id',
    {
      schema: {
        tags,
        operationId: 'deleteWorkloadIdentity',
        summary:
          'Delete a workload identity: its tokens are no longer accepted, and the account’s tokens are revoked',
        params: OfIdentity,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, client_id, id } = request.params
      await operations.workloadIdentities.delete(actorOf(request), realm, client_id, id)
      return reply.code(204).send(null)
    },
  )
}
