import { PassThrough } from 'node:stream'
import t from 'tap'
import { runCommand } from '../../src/cli/program.ts'
import { cellsOf, Table } from '../../src/cli/table.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const CELLS: readonly [string, number][] = [
  ['', 0],
  ['plain', 5],
  ['Räksmörgås', 10],
  ['e\u0301', 1],
  ['東京', 4],
  ['한국', 4],
  ['ﾃｽﾄ', 3],
  ['ＡＢ', 4],
  ['🦐', 2],
  ['👩‍👩‍👧‍👦', 2],
  ['🇨🇭', 2],
  ['❤️', 2],
  ['می‌خواهم', 7],
  ['עברית', 5],
]

for (const [text, cells] of CELLS)
  t.test(`${JSON.stringify(text)} takes ${cells} cells`, async (t) => {
    t.equal(cellsOf(text), cells)
  })

const HEADS = ['ID', 'NAME', 'ROLES']
const ROWS = [
  ['sa_0123456789', '東京の温度計とその他の多くの機器', 'view'],
  ['sa_1', 'e\u0301cole', 'operate deployer viewer'],
]

t.test('columns stand below each other, whatever is in them', async (t) => {
  const lines = String(new Table(HEADS, ROWS)).split('\n')
  const places = lines.map((line, n) =>
    cellsOf(line.slice(0, line.indexOf([...HEADS, 'view', 'operate'][n === 0 ? 2 : n + 2] as string))),
  )
  t.equal(new Set(places).size, 1, places.join())
})

t.test('a table is cut to the terminal, but for its first column', async (t) => {
  for (const width of [200, 80, 60, 50, 40, 35]) {
    const lines = new Table(HEADS, ROWS).layOut(width).split('\n')
    for (const line of lines) t.ok(cellsOf(line) <= width, `${width}: ${line}`)
    t.match(lines[1], /^sa_0123456789 /)
  }
  t.match(new Table(HEADS, ROWS).layOut(40), /…/)
  t.match(new Table(HEADS, ROWS).layOut(3), /sa_0123456789/)
})

t.test('a table that is piped is whole, and one at a terminal fits', async (t) => {
  const databaseUrl = await testDatabase(t)
  const { operations } = await testServer(t, { databaseUrl })
  await operations.realms.create(TESTER, 'acme')
  const name = 'long '.repeat(19).trim()
  await operations.accounts.create(TESTER, 'acme', { name })
  const print = async (terminal: object) => {
    const stdout = Object.assign(new PassThrough(), terminal)
    const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough() }
    const args = ['node', 'mintmark', 'service-account', 'list', '--realm', 'acme']
    const serve = () => Promise.reject(new Error('no server'))
    t.equal(await runCommand(args, onDatabase(databaseUrl), serve, streams), 0)
    return String(stdout.read())
  }
  t.match(await print({}), name)
  t.match(await print({ columns: 100 }), name, 'columns alone are no terminal')
  const shown = await print({ isTTY: true, columns: 120 })
  t.notMatch(shown, name)
  for (const line of shown.split('\n')) t.ok(cellsOf(line) <= 120, line)
})
