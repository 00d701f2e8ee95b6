import pg from 'pg'
// @ts-expect-error pg has no types for it.
import { prepareValue } from 'pg/lib/utils.js'

export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

/** What is sent to PostgreSQL meanwhile, each text once with its last values. */
export async function recordStatements(during: () => Promise<void>): Promise<Statement[]> {
  const found = new Map<string, Statement>()
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (this: pg.Client, ...sent: unknown[]) {
    const [statement, given] = sent as [string | Statement, unknown]
    const { text, values } = typeof statement === 'string' ? { text: statement, values: given } : statement
    // A plain insert reads nothing, and cannot be repeated.
    if (typeof text === 'string' && /^\s*(select|with|update|delete|insert.*on conflict)/is.test(text))
      found.set(text, { text, values: Array.isArray(values) ? values : [] })
    return (query as (...sent: unknown[]) => unknown).apply(this, sent)
  } as typeof query
  try {
    await during()
  } finally {
    pg.Client.prototype.query = query
  }
  return [...found.values()]
}

interface Plan {
  readonly 'Index Name'?: string
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
  readonly Plans?: readonly Plan[]
}

/** Does it, and undoes it. @param generic planned as a named statement is that was run often */
export async function explain(client: pg.Client, { text, values }: Statement, generic: boolean) {
  const how = 'explain (analyze, buffers, format json)'
  await client.query('begin')
  try {
    if (!generic) return readPlan(await client.query(`${how} ${text}`, [...values]))
    await client.query('set local plan_cache_mode = force_generic_plan')
    await client.query(`prepare statement as ${text}`)
    const literals = values.length > 0 ? `(${values.map(toLiteral).join(', ')})` : ''
    return readPlan(await client.query(`${how} execute statement${literals}`))
  } finally {
    await client.query('rollback')
    await client.query('deallocate all')
  }
}

function toLiteral(value: unknown): string {
  const text = prepareValue(value) as string | Buffer | null
  if (text === null) return 'null'
  return pg.escapeLiteral(Buffer.isBuffer(text) ? `\\x${text.toString('hex')}` : text)
}

function readPlan({ rows }: pg.QueryResult) {
  const plan = rows[0]['QUERY PLAN'][0].Plan as Plan
  const indexes = (node: Plan): string[] => [
    ...(node['Index Name'] === undefined ? [] : [node['Index Name']]),
    ...(node.Plans ?? []).flatMap(indexes),
  ]
  return {
    pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    indexes: indexes(plan),
    plan,
  }
}
