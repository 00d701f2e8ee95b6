import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { readmeOfChart } from '../../deploy/helm/readme.ts'

const ROOT = join(import.meta.dirname, '../..')
const CHART = join(ROOT, 'deploy/helm/mintmark')

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
}

function pathsOf(value: unknown, schema: Schema | undefined, path = ''): string[] {
  if (!schema?.properties) return [path]
  return Object.entries(value as object).flatMap(([name, member]) =>
    pathsOf(member, schema.properties?.[name], path === '' ? name : `${path}.${name}`),
  )
}

function pathsOfSchema(schema: Schema, path = ''): string[] {
  if (!schema.properties) return [path]
  return Object.entries(schema.properties).flatMap(([name, member]) =>
    pathsOfSchema(member, path === '' ? name : `${path}.${name}`),
  )
}

t.test("the chart's README is what its values and schema say: npm run docs:chart", async (t) => {
  t.equal(readFileSync(join(CHART, 'README.md'), 'utf8'), readmeOfChart())
})

t.test('each value of the chart has a default and a description', async (t) => {
  const schema = JSON.parse(read('deploy/helm/mintmark/values.schema.json')) as Schema
  const values = parse(read('deploy/helm/mintmark/values.yaml')) as unknown
  t.same(
    pathsOf(values, schema).sort(),
    pathsOfSchema(schema)
      .filter((path) => path !== 'global')
      .sort(),
  )
})

t.test('the chart brings the alert rules of the docs, and the version of the package', async (t) => {
  t.equal(read('deploy/helm/mintmark/files/alert-rules.yml'), read('docs/alert-rules.yml'))
  const chart = parse(read('deploy/helm/mintmark/Chart.yaml')) as { appVersion: string }
  t.equal(chart.appVersion, (JSON.parse(read('package.json')) as { version: string }).version)
})
