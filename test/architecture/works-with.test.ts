import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HEADINGS, PAGE, rowsOf } from '../peers/works-with.ts'

const page = readFileSync(PAGE, 'utf8')

t.test('the table of peers has every cell of every row', async (t) => {
  t.match(page, new RegExp(`^\\| ${HEADINGS.map((heading) => `${heading} +`).join('\\| ')}\\|$`, 'm'))
  const rows = rowsOf(page)
  t.ok(rows.length > 10, 'runs have written it')
  for (const row of rows) {
    const [peer = '', version] = row
    t.equal(row.length, HEADINGS.length, peer)
    t.notOk(row.includes(''), peer)
    t.match(version, /^\d[\w.]*$/, `${peer} has a version`)
  }
  const names = rows.map(([peer]) => peer)
  t.equal(new Set(names).size, names.length, 'each peer once')
})

t.test('every file of peers writes to the table', async (t) => {
  const folder = join(import.meta.dirname, '../peers')
  const files = readdirSync(folder).filter((file) => file.endsWith('.peer.ts'))
  const silent = files.filter((file) => !readFileSync(join(folder, file), 'utf8').includes('worksWith(t, {'))
  t.same(silent, ['status-list.peer.ts'])
})
