import type { Command } from 'commander'
import type { IntrospectionAudiences } from '../domain/introspection-audience.ts'
import type { LeakedSecretAction } from '../domain/leaked-secret.ts'
import { leastRetention, type Policy } from '../domain/policy.ts'
import type { Algorithm } from '../domain/realm.ts'
import { policyToWire } from '../wire/policy.ts'
import { collect, whole } from './arguments.ts'
import type { InSession, Session } from './session.ts'
import { fields } from './text.ts'

interface PolicyOptions {
  readonly maxTokenLifetime?: number
  readonly minKeyRotation?: number
  readonly maxKeyRotation?: number
  readonly minJwksMaxAge?: number
  readonly maxJwksMaxAge?: number
  readonly algorithm?: Algorithm[]
  readonly leakedSecretAction?: LeakedSecretAction[]
  readonly introspectionAudiences?: IntrospectionAudiences[]
  readonly auditRetention?: number
  readonly minAuditRetention?: number
  readonly maxAuditRetention?: number
  readonly maxResources?: number | false
}

export function policyCommands(program: Command, inSession: InSession): void {
  const policy = program.command('policy').description('bounds for the settings of realms')

  policy
    .command('show')
    .description('show the bounds, and the realms beyond them')
    .action(
      inSession(async (session) =>
        describe(session, (await session.operations.policy.find(session.actor)).policy),
      ),
    )

  const update = policy
    .command('update')
    .description(
      'change bounds; options left out stay. A realm beyond a bound keeps its value until it is changed',
    )
    .option('--max-token-lifetime <seconds>', 'longest token lifetime, 30 to 3600', whole)
    .option('--min-key-rotation <seconds>', 'shortest age at which a key is replaced', whole)
    .option('--max-key-rotation <seconds>', 'longest age at which a key is replaced, a day or more', whole)
    .option('--min-jwks-max-age <seconds>', 'shortest time that the JWKS may be cached', whole)
    .option('--max-jwks-max-age <seconds>', 'longest time that the JWKS may be cached', whole)
    .option('--algorithm <name>', 'allowed signing algorithm; repeatable, replaces the list', collect)
    .option(
      '--leaked-secret-action <action>',
      'allowed action for leaked secrets; repeatable, replaces the list',
      collect,
    )
    .option('--introspection-audiences <which>', 'allowed setting; repeatable, replaces the list', collect)
    .option('--max-resources <number>', 'limit of resources for each realm', whole)
    .option('--no-max-resources', 'no limit of resources')
  withRetention(update).action(
    inSession(async (session, options: PolicyOptions) => {
      const { policy: updated } = await session.operations.policy.update(session.actor, policyOf(options))
      return describe(session, updated)
    }),
  )
}

function withRetention(command: Command): Command {
  return command
    .option('--audit-retention <days>', 'age at which audit events are deleted, 30 or more; 0: never', whole)
    .option(
      '--min-audit-retention <days>',
      'least age that a realm may choose for its own events, 30 or more; 0: the same age',
      whole,
    )
    .option('--max-audit-retention <days>', 'longest age that a realm may choose for its own events', whole)
}

/** Only the options that were given. */
function policyOf(options: PolicyOptions): Partial<Policy> {
  const said = {
    maxTokenLifetimeSeconds: options.maxTokenLifetime,
    minKeyRotationSeconds: options.minKeyRotation,
    maxKeyRotationSeconds: options.maxKeyRotation,
    minJwksMaxAgeSeconds: options.minJwksMaxAge,
    maxJwksMaxAgeSeconds: options.maxJwksMaxAge,
    algorithms: options.algorithm,
    leakedSecretActions: options.leakedSecretAction,
    introspectionAudiences: options.introspectionAudiences,
    maxAuditRetentionDays: options.maxAuditRetention,
  }
  const given = Object.entries(said).filter(([, value]) => value !== undefined)
  const { auditRetention: days, minAuditRetention: min, maxResources } = options
  return {
    ...(Object.fromEntries(given) as Partial<Policy>),
    ...(days !== undefined && { auditRetentionDays: days === 0 ? undefined : days }),
    ...(min !== undefined && { minAuditRetentionDays: min === 0 ? undefined : min }),
    ...(maxResources !== undefined && {
      maxResourcesPerRealm: maxResources === false ? undefined : maxResources,
    }),
  }
}

async function describe({ operations, actor }: Session, policy: Policy) {
  const beyond = await operations.policy.listRealmsBeyond(actor)
  const text = fields({
    'token lifetime': `at most ${policy.maxTokenLifetimeSeconds} s`,
    'key rotation': `${policy.minKeyRotationSeconds} to ${policy.maxKeyRotationSeconds} s`,
    'JWKS max-age': `${policy.minJwksMaxAgeSeconds} to ${policy.maxJwksMaxAgeSeconds} s`,
    algorithms: policy.algorithms.join(' '),
    'leaked secrets': policy.leakedSecretActions.join(' '),
    'introspection audiences': policy.introspectionAudiences.join(' '),
    'audit trail': policy.auditRetentionDays ? `kept for ${policy.auditRetentionDays} days` : 'kept for ever',
    'audit trail of realms':
      leastRetention(policy) === undefined
        ? 'kept for ever'
        : `kept for ${leastRetention(policy)} to ${policy.maxAuditRetentionDays} days`,
    'resources per realm': policy.maxResourcesPerRealm?.toString() ?? 'any number',
    'realms beyond': beyond.join(' ') || 'none',
  })
  return { json: { ...policyToWire(policy), realms_beyond: beyond }, text }
}
