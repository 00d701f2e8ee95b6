import type { Command } from 'commander'
import type { WorkloadIdentity } from '../domain/workload-identity.ts'
import { ruleText } from '../wire/explanation.ts'
import { workloadIdentityToWire } from '../wire/workload-identity.ts'
import { equalsRule, matchesRule, type SentRule } from './claim-arguments.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { type InRealm, ofAccount } from './realm-options.ts'
import type { Answer, InSession } from './session.ts'
import type { Text } from './table.ts'
import { fields, table, time } from './text.ts'
import { issuerNamed } from './trusted-issuers.ts'

const ID = 'as workload-identity list shows it'

/** Which tokens of trusted issuers get in as an account: commands of the noun workload-identity. */
export function workloadIdentityCommands(program: Command, inSession: InSession): void {
  const group = program
    .command('workload-identity')
    .description('rules that map tokens of trusted issuers to a service account')

  ofAccount(group, 'list', 'workload identities of an account, newest first').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      const identities = await operations.workloadIdentities.list(actor, realm, clientId)
      return { json: identities.map(workloadIdentityToWire), text: listText(identities, clientId, realm) }
    }),
  )

  ofAccount(group, 'add', 'accept tokens of an issuer that match all rules')
    .requiredOption('--issuer <issuer>', 'trusted issuer: its id or its address')
    .option(
      '--rule <claim=value>',
      'value that a claim must have; claim:=JSON for other types than text (repeatable)',
      equalsRule,
    )
    .option('--match <claim=pattern>', '* stands for characters other than / and : (repeatable)', matchesRule)
    .option('--name <name>', 'in your words')
    .action(
      inSession(async (session, clientId: string, options: AddOptions) => {
        const { operations, actor } = session
        const { realm, name, rule = [], match = [] } = options
        const { id: trustedIssuer } = await issuerNamed(session, realm, options.issuer)
        const sent = { trustedIssuer, name, rules: [...rule, ...match] }
        const { identity } = await operations.workloadIdentities.create(actor, realm, clientId, sent)
        const account = await operations.accounts.find(actor, realm, clientId)
        const counts = account.authMethods.includes('federated')
        return describe(identity, counts ? [] : [notYet(realm, clientId, account.authMethods)])
      }),
    )

  ofAccount(group, 'show', 'show one workload identity, with its warnings')
    .argument('<id>', ID)
    .action(
      inSession(async ({ operations, actor }, clientId: string, id: string, { realm }: InRealm) =>
        describe(await operations.workloadIdentities.find(actor, realm, clientId, id)),
      ),
    )

  ofAccount(group, 'delete', 'stop accepting tokens by it; the account’s tokens are revoked')
    .argument('<id>', ID)
    .option(...YES)
    .action(
      inSession(async (session, clientId: string, id: string, { realm, yes }: InRealm & Confirmed) => {
        const { operations, actor, terminal } = session
        await confirmed(terminal, yes, `Delete workload identity ${id} and end the tokens of ${clientId}?`)
        await operations.workloadIdentities.delete(actor, realm, clientId, id)
        return { json: { client_id: clientId, realm, id, deleted: true }, text: `Deleted ${id}.` }
      }),
    )
}

interface AddOptions extends InRealm {
  readonly issuer: string
  readonly rule?: readonly SentRule[]
  readonly match?: readonly SentRule[]
  readonly name?: string
}

function notYet(realm: string, clientId: string, methods: readonly string[]): string {
  const all = [...methods, 'federated'].map((method) => `--auth-method ${method}`).join(' ')
  return `It does not count yet: mintmark service-account update --realm ${realm} ${clientId} ${all}`
}

function describe(identity: WorkloadIdentity, notes: readonly string[] = []): Answer {
  const { id, clientId, issuerId, name, rules, createdAt, lastUsedAt } = identity
  const wire = workloadIdentityToWire(identity)
  const text = fields({
    id,
    client_id: clientId,
    'trusted issuer': issuerId,
    name,
    ...Object.fromEntries(rules.map((rule, at) => [`rule ${at + 1}`, ruleText({ rule })])),
    created: time(createdAt),
    'last used': time(lastUsedAt),
  })
  return { json: wire, text: [text, ...[...wire.warnings, ...notes].map((one) => `! ${one}`)].join('\n') }
}

function listText(identities: readonly WorkloadIdentity[], clientId: string, realm: string): Text {
  if (identities.length === 0)
    return `It has no workload identities. Add one: mintmark workload-identity add --realm ${realm} ${clientId} --issuer <issuer> --rule <claim=value>`
  const rows = identities.map(({ id, issuerId, name, rules, lastUsedAt }) => [
    id,
    issuerId,
    rules.map((rule) => ruleText({ rule })).join('; '),
    name,
    time(lastUsedAt),
  ])
  return table(['ID', 'ISSUER', 'RULES', 'NAME', 'LAST USED'], rows)
}
