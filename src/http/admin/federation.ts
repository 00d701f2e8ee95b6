import { PLATFORM_TOKEN_FAULTS, type PlatformTokenFault } from '../../domain/platform-token.ts'
import type { Operations } from '../../operations/operations.ts'
import { explanationToWire, issuerRefusalToWire } from '../../wire/explanation.ts'
import { Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { limitEach } from './rate-limits.ts'
import { Closed, InRealm, listOf, MaybeText, Moment, named, PathName } from './schemas.ts'

const tags = ['Trusted issuers']

/** Limit for one administrator: each explanation may fetch keys and compares a thousand workload identities. */
const EXPLANATIONS_A_MINUTE = 60

const Anything = Type.Unsafe<unknown>({ description: 'A value of any type' })

const Reason = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  enum: [...Object.keys(PLATFORM_TOKEN_FAULTS), null],
  description: 'As the log names it; null: nothing is wrong',
})

const MaybeTruth = Type.Unsafe<boolean | null>({
  type: ['boolean', 'null'],
  description: 'null: not checked, for an earlier step failed',
})

const Note = Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'What to know of it' })

const Step = named(
  'ExplainedStep',
  Type.Object({
    step: Type.String(),
    ok: MaybeTruth,
    expected: Anything,
    found: Anything,
    note: Note,
    reason: Reason,
  }),
)

const Rule = named(
  'ExplainedRule',
  Type.Object({
    claim: Type.Array(Type.String()),
    ok: Type.Boolean(),
    expected: Anything,
    found: Anything,
    note: Note,
  }),
)

const Identity = named(
  'ExplainedIdentity',
  Type.Object({
    id: Type.String(),
    name: Type.String(),
    client_id: Type.String(),
    account_name: Type.String(),
    account_disabled: Type.Boolean(),
    federated: Type.Boolean({ description: 'Whether auth_methods of the account have federated' }),
    ok: Type.Boolean({ description: 'Whether all of its rules hold' }),
    rules: Type.Array(Rule),
  }),
)

const Members = Type.Unsafe<Record<string, unknown> | null>({
  type: ['object', 'null'],
  additionalProperties: true,
})

const ExplanationAnswer = named(
  'Explanation',
  Type.Object({
    accepted: Type.Boolean(),
    reason: Reason,
    summary: Type.String(),
    next: Type.String({ description: 'What to do next' }),
    client_id: MaybeText,
    issuer: Type.Unsafe<object | null>({ type: ['object', 'null'], additionalProperties: true }),
    steps: Type.Array(Step),
    workload_identities: Type.Array(Identity, { description: 'The nearest first, at most 50' }),
    more: Type.Boolean({ description: 'Whether the issuer has more workload identities' }),
    header: Members,
    claims: Members,
  }),
)

const RefusalAnswer = named(
  'IssuerRefusal',
  Type.Object({
    at: Moment,
    reason: Type.Unsafe<PlatformTokenFault>({ type: 'string' }),
    description: Type.String(),
    subject: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'By the word of the token',
    }),
    client_id: MaybeText,
    address: Type.String(),
  }),
)

/** Why a token of a platform is refused, and which were. */
export function federationRoutes(app: AdminScope, operations: Pick<Operations, 'federation'>): void {
  explainRoute(app, operations)
  refusalsRoute(app, operations)
}

function explainRoute(app: AdminScope, operations: Pick<Operations, 'federation'>): void {
  const requireRate = limitEach(app, EXPLANATIONS_A_MINUTE, (request) => actorOf(request).id)

  app.post(
    '/admin/realms/:realm/trusted-issuers/explain',
    {
      schema: {
        tags,
        operationId: 'explainPlatformToken',
        summary:
          'Explain step by step why a platform token is accepted or refused. The server does not store the token, nor count it as used',
        params: InRealm,
        body: named(
          'PlatformToken',
          Type.Object(
            {
              token: Type.String({ maxLength: 20_000, description: 'As the platform gave it' }),
              client_id: Type.Optional(
                Type.String({
                  maxLength: 200,
                  description: 'Compare with workload identities of this account alone',
                }),
              ),
            },
            Closed,
          ),
        ),
        response: { 200: ExplanationAnswer },
      },
    },
    async (request, reply) => {
      if (!(await requireRate(request, reply))) return reply
      const { token, client_id: clientId } = request.body
      const asked = { token, clientId }
      return explanationToWire(
        await operations.federation.explain(actorOf(request), request.params.realm, asked),
      )
    },
  )
}

function refusalsRoute(app: AdminScope, operations: Pick<Operations, 'federation'>): void {
  app.get(
    '/admin/realms/:realm/trusted-issuers/:id/refusals',
    {
      schema: {
        tags,
        operationId: 'listTrustedIssuerRefusals',
        summary: 'List the last 20 tokens of the issuer that were refused, the newest first',
        params: Type.Object({ ...InRealm.properties, id: PathName('id of the trusted issuer') }),
        response: { 200: listOf(RefusalAnswer) },
      },
    },
    async (request) => {
      const { realm, id } = request.params
      const refused = await operations.federation.refusals(actorOf(request), realm, id)
      return { items: refused.map(issuerRefusalToWire), next_cursor: null }
    },
  )
}
