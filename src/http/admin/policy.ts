import { INTROSPECTION_AUDIENCES } from '../../domain/introspection-audience.ts'
import { LEAKED_SECRET_ACTIONS } from '../../domain/leaked-secret.ts'
import {
  DAY_SECONDS,
  MAX_AUDIT_RETENTION_DAYS,
  MAX_JWKS_AGE_SECONDS,
  MAX_KEY_ROTATION_SECONDS,
  MAX_LEAST_JWKS_AGE_SECONDS,
  MAX_RESOURCES_PER_REALM,
  MIN_AUDIT_RETENTION_DAYS,
  MIN_KEY_ROTATION_SECONDS,
  type Policy,
} from '../../domain/policy.ts'
import { ALGORITHMS, MAX_TOKEN_LIFETIME_SECONDS, MIN_TOKEN_LIFETIME_SECONDS } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import { policyToWire } from '../../wire/policy.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf } from './etag.ts'
import { Closed, named } from './schemas.ts'

const tags = ['Policy']

const Seconds = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description })
const Choice = (values: readonly string[], description: string) =>
  Type.Array(Type.Enum([...values]), { minItems: 1, maxItems: values.length, description })

const bounds = {
  max_token_lifetime_seconds: Seconds(
    MIN_TOKEN_LIFETIME_SECONDS,
    MAX_TOKEN_LIFETIME_SECONDS,
    'The longest token_lifetime_seconds. Default: 3600',
  ),
  min_key_rotation_seconds: Seconds(
    MIN_KEY_ROTATION_SECONDS,
    MAX_KEY_ROTATION_SECONDS,
    'The shortest key_rotation_seconds. Default: 2',
  ),
  max_key_rotation_seconds: Seconds(
    DAY_SECONDS,
    MAX_KEY_ROTATION_SECONDS,
    'The longest key_rotation_seconds. Default: ten years',
  ),
  min_jwks_max_age_seconds: Seconds(
    1,
    MAX_LEAST_JWKS_AGE_SECONDS,
    'The shortest jwks_max_age_seconds. Default: 1',
  ),
  max_jwks_max_age_seconds: Seconds(
    1,
    MAX_JWKS_AGE_SECONDS,
    'The longest jwks_max_age_seconds. Default: a day',
  ),
  algorithms: Choice(ALGORITHMS, 'What realms may sign with. Default: all'),
  leaked_secret_actions: Choice(
    LEAKED_SECRET_ACTIONS,
    'What realms may do about a leaked secret. Default: all',
  ),
  introspection_audiences: Choice(INTROSPECTION_AUDIENCES, 'What realms may choose there. Default: all'),
  max_resources_per_realm: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    minimum: 0,
    maximum: MAX_RESOURCES_PER_REALM,
    description:
      'Resources that each realm may have; null, the default: any number. A realm that has more keeps them',
  }),
  audit_retention_days: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    minimum: MIN_AUDIT_RETENTION_DAYS,
    maximum: MAX_AUDIT_RETENTION_DAYS,
    description:
      'Older lines of audit trails are deleted, but for realms with an audit_retention_days of their own; null, the default, keeps them for ever',
  }),
  min_audit_retention_days: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    minimum: MIN_AUDIT_RETENTION_DAYS,
    maximum: MAX_AUDIT_RETENTION_DAYS,
    description:
      'The least audit_retention_days of a realm; null, the default: the one of this policy, so that no realm keeps its lines for a shorter time',
  }),
  max_audit_retention_days: Type.Integer({
    minimum: MIN_AUDIT_RETENTION_DAYS,
    maximum: MAX_AUDIT_RETENTION_DAYS,
    description: `The longest audit_retention_days of a realm. Default: ${MAX_AUDIT_RETENTION_DAYS}`,
  }),
}

const PolicyChange = named('PolicyChange', Type.Partial(Type.Object(bounds), Closed))
const PolicyAnswer = named(
  'Policy',
  Type.Object({
    ...bounds,
    realms_beyond: Type.Optional(
      Type.Array(Type.String(), {
        description: 'For platform administrators: realms with a setting beyond these bounds, the first 100',
      }),
    ),
  }),
)

type PolicyOperations = Pick<Operations, 'policy'>

/** Bounds for the settings of realms. */
export function policyRoutes(app: AdminScope, operations: PolicyOperations): void {
  app.get(
    '/admin/policy',
    {
      schema: {
        tags,
        operationId: 'getPolicy',
        summary: 'Read the bounds for the settings of realms',
        description:
          'They bind administrators of realms; platform administrators may set a realm beyond them.',
        response: { 200: PolicyAnswer },
      },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const { policy, version } = await operations.policy.find(actor)
      const beyond = actor.authority.platform && {
        realms_beyond: await operations.policy.listRealmsBeyond(actor),
      }
      const wire = { ...policyToWire(policy), ...beyond }
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )

  app.patch(
    '/admin/policy',
    {
      schema: {
        tags,
        operationId: 'updatePolicy',
        summary: 'Change bounds for the settings of realms; members left out stay',
        description:
          'A realm that is beyond a new bound keeps its value until that is changed: see realms_beyond.',
        body: PolicyChange,
        response: { 200: PolicyAnswer },
      },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const { policy, version } = await operations.policy.update(actor, readPolicy(request.body))
      const realms_beyond = await operations.policy.listRealmsBeyond(actor)
      const wire = { ...policyToWire(policy), realms_beyond }
      return reply.header('etag', etagOf(version, wire)).send(wire)
    },
  )
}

/** Only the members that were sent. */
function readPolicy(body: Static<typeof PolicyChange>): Partial<Policy> {
  const read = {
    maxTokenLifetimeSeconds: body.max_token_lifetime_seconds,
    minKeyRotationSeconds: body.min_key_rotation_seconds,
    maxKeyRotationSeconds: body.max_key_rotation_seconds,
    minJwksMaxAgeSeconds: body.min_jwks_max_age_seconds,
    maxJwksMaxAgeSeconds: body.max_jwks_max_age_seconds,
    algorithms: body.algorithms,
    leakedSecretActions: body.leaked_secret_actions,
    introspectionAudiences: body.introspection_audiences,
    maxAuditRetentionDays: body.max_audit_retention_days,
  }
  const said = Object.entries(read).filter(([, value]) => value !== undefined)
  const {
    audit_retention_days: days,
    min_audit_retention_days: min,
    max_resources_per_realm: resources,
  } = body
  return {
    ...(Object.fromEntries(said) as Partial<Policy>),
    ...(days !== undefined && { auditRetentionDays: days ?? undefined }),
    ...(min !== undefined && { minAuditRetentionDays: min ?? undefined }),
    ...(resources !== undefined && { maxResourcesPerRealm: resources ?? undefined }),
  }
}
