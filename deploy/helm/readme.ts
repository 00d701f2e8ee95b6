import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const CHART = join(import.meta.dirname, 'mintmark')

interface Schema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
}

const INTRODUCTION = `# Mintmark on Kubernetes, by Helm

\`\`\`sh
helm install mintmark deploy/helm/mintmark -n mintmark \\
  --set image.repository=registry.example.com/mintmark \\
  --set publicUrl=https://auth.example.com \\
  --set secrets.existingSecret=mintmark
\`\`\`

The Secret holds \`DATABASE_URL\` and \`MASTER_KEY\`; the chart takes no secret as a value. [docs/kubernetes.md](../../../docs/kubernetes.md) walks
through it, with a PostgreSQL by CloudNativePG.

## Values

`

/** README of the chart: its values, with their defaults and what the schema says of them. */
export function readmeOfChart(): string {
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as unknown
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema
  const rows = [['value', 'default', ''], ...rowsOf(schema, defaults, '')]
  const widths = [0, 1, 2].map((column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |\n`
  const [head, ...others] = rows.map(line)
  return `${INTRODUCTION}${head}${line(widths.map((width) => '-'.repeat(width)))}${others.join('')}`
}

function rowsOf(schema: Schema, value: unknown, path: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const present = (value as Record<string, unknown> | undefined)?.[name]
    const at = path === '' ? name : `${path}.${name}`
    if (member.properties) return rowsOf(member, present, at)
    return present === undefined
      ? []
      : [[`\`${at}\``, defaultOf(present), (member.description ?? '').replaceAll('|', '\\|')]]
  })
}

function defaultOf(value: unknown): string {
  return value === '' ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(join(CHART, 'README.md'), readmeOfChart())
