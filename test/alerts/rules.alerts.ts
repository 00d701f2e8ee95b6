import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'

const RULES = join(import.meta.dirname, '../../docs/alert-rules.yml')
const TESTS = join(import.meta.dirname, 'rules.yml')

const { error } = spawnSync('promtool', ['--version'])
const skip = error ? 'promtool is not on PATH: it comes with Prometheus' : false

t.test('each alert fires on series that call for it, and on no others', { skip }, async (t) => {
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', TESTS], { encoding: 'utf8' })
  t.equal(status, 0, `${stdout}${stderr}`)
})

t.test('promtool finds no fault with the rules', { skip }, async (t) => {
  const { status, stdout } = spawnSync('promtool', ['check', 'rules', '--lint-fatal', RULES], {
    encoding: 'utf8',
  })
  t.equal(status, 0, stdout)
})

t.test('each alert has series that fire it', async (t) => {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { alert: string }[] }[] }
  const tests = readFileSync(TESTS, 'utf8')
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
  t.ok(alerts.length > 0)
  t.same(
    alerts.filter(
      (alert) => !tests.includes(`alertname="${alert}"`) && !tests.includes(`alertname: ${alert}`),
    ),
    [],
  )
})
