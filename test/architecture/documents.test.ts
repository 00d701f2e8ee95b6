import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '../..')

for (const document of ['THREATS.md', 'README.md'])
  t.test(`every file that ${document} names is there`, async (t) => {
    const text = readFileSync(join(ROOT, document), 'utf8')
    const inTicks = [...text.matchAll(/`((?:test|docs|src|bench|examples|migrations)\/[\w./-]+)`/g)]
    const linked = [...text.matchAll(/\]\(((?!http|#)[\w./-]+)\)/g)]
    const files = [...inTicks, ...linked].map(([, file]) => file as string)
    t.ok(files.length > 3)
    t.same(
      files.filter((file) => !existsSync(join(ROOT, file))),
      [],
    )
  })
