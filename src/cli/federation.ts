import type { Readable } from 'node:stream'
import type { Command } from 'commander'
import type { ExplainedIdentity, ExplainedStep, Explanation } from '../domain/explanation.ts'
import { Refusal } from '../domain/refusal.ts'
import { explanationToWire, ruleText } from '../wire/explanation.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { InSession } from './session.ts'
import { printable } from './table.ts'

/** Longer than any token that is accepted, so that the explanation says so. */
const MAX_INPUT = 20_000

interface ExplainOptions extends InRealm {
  readonly clientId?: string
}

/** Commands about tokens of platforms. */
export function federationCommands(program: Command, inSession: InSession): void {
  const group = program
    .command('federation')
    .description('platform tokens: whether the server accepts one, and why not')

  ofRealm(
    group,
    'explain',
    'say step by step why a token is accepted or refused; it is read from standard input, and not used up',
    'realm that the token is for',
  )
    .option('--client-id <client_id>', 'compare it only with workload identities of this account')
    .action(
      inSession(async ({ operations, actor, terminal }, { realm, clientId }: ExplainOptions) => {
        const token = await readToken(terminal.input)
        const explanation = await operations.federation.explain(actor, realm, { token, clientId })
        return { json: explanationToWire(explanation), text: explanationText(explanation) }
      }),
    )
}

/** @throws Refusal `invalid` where there is none */
async function readToken(input: Readable): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += String(chunk)
    if (text.length > MAX_INPUT) break
  }
  const token = text.trim()
  if (token === '')
    throw new Refusal('invalid', 'Standard input is empty: pipe the token of the platform into this command.')
  return token
}

/** What the explanation says, for people. */
export function explanationText(explanation: Explanation): string {
  const { summary, next, steps, identities, isCut } = explanation
  const blocks = [
    [summary],
    steps.flatMap(stepLines),
    identities.length > 0
      ? ['Workload identities, the nearest first:', ...identities.flatMap(identityLines)]
      : [],
    isCut ? ['There are more: --client-id looks at those of one account.'] : [],
    [`Next: ${next}`],
  ]
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(printable).join('\n'))
    .join('\n\n')
}

const STATES = new Map<boolean | undefined, string>([
  [true, 'ok  '],
  [false, 'FAIL'],
  [undefined, '-   '],
])

const INDENT = ' '.repeat(26)

function stepLines({ step, ok, expected, found, note }: ExplainedStep): string[] {
  const head = `${STATES.get(ok)}  ${step.padEnd(18)}  ${ok === undefined ? '' : valueText(found)}`.trimEnd()
  return [
    head,
    ...(ok === false ? [`${INDENT}expected: ${valueText(expected)}`] : []),
    ...(note === undefined ? [] : [`${INDENT}${note}`]),
  ]
}

function identityLines({ id, name, clientId, accountName, rules }: ExplainedIdentity): string[] {
  const holding = rules.filter(({ ok }) => ok).length
  return [
    `  ${name === '' ? id : name} of ${clientId} (${accountName}): ${holding} of ${rules.length} rules hold`,
    ...rules.map((rule) => `    ${STATES.get(rule.ok)}  ${rule.note ?? ruleText(rule)}`),
  ]
}

/** A value on one line. */
function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
