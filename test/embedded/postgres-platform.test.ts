import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { asUser, importPrograms, nameFromWithin, needsTcp } from '../../src/embedded/postgres-platform.ts'
import { findPostgresPrograms } from '../../src/embedded/postgres-programs.ts'
import { temporaryFolder } from '../support/process.ts'

const ROOT = { uid: 0, gid: 0 }

t.test('each operating system has its own settings', async (t) => {
  t.same(asUser(ROOT, 'linux'), ROOT)
  t.same(asUser(ROOT, 'win32'), {})
  t.equal(nameFromWithin('/data', 'linux'), '/proc/self/cwd')
  t.equal(nameFromWithin('/data', 'darwin'), '/data')
  t.equal(needsTcp('/data', 'linux'), false)
  t.equal(needsTcp('/data', 'win32'), true)
  t.equal(needsTcp(`/${'d'.repeat(100)}`, 'linux'), true)
})

t.test('a platform without PostgreSQL is told to bring its own', async (t) => {
  for (const platform of ['sunos', 'win32'])
    await t.rejects(importPrograms(platform, 'sparc'), {
      message: /for \w+ sparc in node_modules; set DATABASE_URL/,
    })
})

/** The programs, copied to where another user may not come. */
async function closedPrograms(t: Test) {
  const { postgres } = await importPrograms()
  const folder = join(temporaryFolder(t), 'closed')
  mkdirSync(folder)
  cpSync(dirname(dirname(postgres)), join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
  chmodSync(folder, 0o700)
  return { initdb: join(folder, 'native/bin/initdb'), postgres: join(folder, 'native/bin/postgres') }
}

t.test('programs that another user cannot reach are copied to where it can', async (t) => {
  const found = await closedPrograms(t)
  const copies = join(temporaryFolder(t), 'copies')
  chmodSync(dirname(copies), 0o711)
  // Another user than the one that runs this test.
  const user = { uid: 65_534, gid: 65_534 }
  const both = await Promise.all([
    findPostgresPrograms(user, found, copies),
    findPostgresPrograms(user, found, copies),
  ])
  const [{ initdb, postgres }] = both
  t.same(both[1], both[0])
  t.match(postgres, new RegExp(`^${copies}/postgres-PostgreSQL-18[.\\d]+-?/bin/postgres$`))
  t.equal(readdirSync(copies).length, 1, 'one copy and no drafts')
  for (const program of [initdb, postgres]) t.equal(spawnSync(program, ['--version']).status, 0)
  t.equal(statSync(postgres).mode & 0o005, 0o005)
  t.same(await findPostgresPrograms(user, found, copies), both[0])
})

t.test('programs that were installed without the right to run get it', async (t) => {
  const found = await closedPrograms(t)
  chmodSync(found.postgres, 0o644)
  const { uid, gid } = statSync(found.postgres)
  t.same(await findPostgresPrograms({ uid, gid }, found), found)
})

t.test('programs that cannot be copied either are a clear error', async (t) => {
  const found = await closedPrograms(t)
  const copies = join(temporaryFolder(t), 'file')
  writeFileSync(copies, '')
  await t.rejects(findPostgresPrograms({ uid: 65_534, gid: 65_534 }, found, copies), {
    name: 'EmbeddedPostgresError',
    message: /cannot reach .*; run the server as another user than root, or set DATABASE_URL/,
  })
})
