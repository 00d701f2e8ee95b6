import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { TESTER, testServer } from '../support/server.ts'

const read = (file: string) => readFileSync(join(import.meta.dirname, '../../docs', file), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook: string }
}

/** Metric names of an expression, each with the labels that are asked of it. */
function asked(expression: string): { name: string; labels: string[] }[] {
  const names = expression.matchAll(/\b((?:mintmark|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)
  return [...names].map(([, name, labels = '']) => ({
    name: name as string,
    labels: [...labels.matchAll(/(\w+)=~?"/g)]
      .map(([, label]) => label as string)
      .filter((label) => label !== 'job'),
  }))
}

/** What a server exports that has had some traffic: sample name and its labels. */
async function exported() {
  const { app, operations } = await testServer(t, { isOwnReplica: true })
  await operations.realms.create(TESTER, 'acme')
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const token = '/realms/acme/protocol/openid-connect/token'
  await app.inject({ method: 'POST', url: token, headers, payload: 'grant_type=client_credentials' })
  await app.inject('/realms/acme/protocol/openid-connect/status-lists/0')
  const { body } = await app.inject('/metrics')
  const samples = new Map<string, Set<string>>()
  for (const [, name, labels = ''] of body.matchAll(/^(\w+)(?:\{([^}]*)\})? /gm)) {
    const known = samples.get(name as string) ?? new Set()
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label as string)
    samples.set(name as string, known)
  }
  const types = [...body.matchAll(/^# TYPE (mintmark_\w+) (\w+)$/gm)].map(
    ([, name, type]) => [name, type] as const,
  )
  return { samples, types, body }
}

const { samples, types, body } = await exported()

function missing(expression: string): string[] {
  return asked(expression)
    .filter(
      ({ name, labels }) => !labels.every((label) => samples.get(name)?.has(label)) || !samples.has(name),
    )
    .map(({ name, labels }) => `${name}{${labels}}`)
}

t.test('every alert uses existing metrics and says what to do', async (t) => {
  const { groups } = parse(read('alert-rules.yml')) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  t.ok(rules.length >= 10)
  for (const { alert, expr, labels, annotations } of rules) {
    t.same(missing(expr), [], alert)
    t.ok(/^up\b/.test(expr) || asked(expr).length > 0, alert)
    t.match(
      { labels, annotations },
      { labels: { severity: /page|ticket/ }, annotations: { summary: /./, runbook: /./ } },
    )
  }
})

t.test('every alert has its section in the runbooks, and no section is of another', async (t) => {
  const { groups } = parse(read('alert-rules.yml')) as { groups: { rules: Rule[] }[] }
  const sections = [...read('runbooks.md').matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
  t.same(sections.toSorted(), groups.flatMap((group) => group.rules.map(({ alert }) => alert)).toSorted())
})

t.test('every panel of the dashboard uses existing metrics', async (t) => {
  const { panels } = JSON.parse(read('grafana-dashboard.json')) as {
    panels: { title: string; targets: { expr: string }[] }[]
  }
  t.ok(panels.length >= 10)
  for (const { title, targets } of panels)
    for (const { expr } of targets) {
      t.ok(asked(expr).length > 0, title)
      t.same(missing(expr), [], title)
    }
})

t.test('a route that an expression names is one that the server counts', async (t) => {
  const routes = [
    ...`${read('alert-rules.yml')}${read('grafana-dashboard.json')}`.matchAll(/route=\\?"([^"\\]+)/g),
  ]
  t.ok(routes.length > 0)
  for (const [, route] of routes) t.match(body, `route="${route}"`)
})

t.test("the table of metrics names all of the server's own, with their types", async (t) => {
  const rows = [...read('metrics.md').matchAll(/^\| `(mintmark_\w+)` +\| (\w+) /gm)]
  t.same(new Map(rows.map(([, name, type]) => [name, type])), new Map(types))
})
