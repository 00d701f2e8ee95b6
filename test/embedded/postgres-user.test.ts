import { chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openCluster } from '../../src/embedded/embedded-cluster.ts'
import { openEmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'
import { EmbeddedPostgresError } from '../../src/embedded/embedded-postgres-error.ts'
import {
  chooseInitdbUser,
  chooseOwnUid,
  explainInitdb,
  giveToOwnUid,
  isShared,
  THIS_SYSTEM,
} from '../../src/embedded/postgres-user.ts'
import { dataDirMaker, query } from '../support/embedded.ts'
import { temporaryFolder } from '../support/process.ts'

const ROOT = { uid: 0, gid: 0 }
const NOBODY = 'nobody:x:65534:65533::/:/bin/false\n'
const POSTGRES = 'postgres:x:110:111::/:/bin/sh\n'
const asRoot = {
  skip: process.getuid?.() !== 0 || process.platform !== 'linux' ? 'only root gives files away' : false,
}

const makeDataDir = await dataDirMaker(t)
const silent = () => {}

function system(t: Test, users: string, busy: number[] = []) {
  const passwd = join(temporaryFolder(t), 'passwd')
  writeFileSync(passwd, `root:x:0:0::/root:/bin/sh\n${users}`)
  return { passwd, platform: 'linux', isBusy: (uid: number) => busy.includes(uid) }
}

t.test('PostgreSQL runs as the user of the server where that is not root', async (t) => {
  t.same(chooseInitdbUser({ uid: 1000, gid: 100 }, system(t, NOBODY)), { uid: 1000, gid: 100 })
  t.same(chooseInitdbUser(ROOT, { ...system(t, NOBODY), platform: 'win32' }), ROOT)
})

t.test('initdb of root runs as a system user without processes, while there is one', async (t) => {
  const choose = (users: string, busy: number[]) => chooseInitdbUser(ROOT, system(t, users, busy)).uid
  t.equal(choose(`${POSTGRES}${NOBODY}`, []), 65_534)
  t.equal(choose(`${POSTGRES}${NOBODY}`, [65_534]), 110)
  t.equal(choose(`ann:x:1000:1000::/:/bin/sh\n${NOBODY}games:x:5:60::/:/bin/false\n`, [65_534]), 5)
  t.equal(choose(NOBODY, [65_534]), 65_534)
  t.throws(() => choose('ann:x:1000:1000::/:/bin/sh\n', []), EmbeddedPostgresError)
})

t.test('processes of a user are seen', { skip: process.platform !== 'linux' }, async (t) => {
  t.equal(THIS_SYSTEM.isBusy(process.getuid?.() as number), true)
  t.equal(THIS_SYSTEM.isBusy(4_000_000_000), false)
})

t.test('nobody is shared with other programs, postgres is not', async (t) => {
  const both = system(t, `${POSTGRES}${NOBODY}`)
  t.equal(isShared({ uid: 65_534, gid: 65_533 }, both), true)
  t.equal(isShared({ uid: 110, gid: 111 }, both), false)
  t.equal(isShared({ uid: 65_534, gid: 65_533 }, { ...both, platform: 'darwin' }), false)
})

t.test('a folder gets one uid, which no entry in passwd has', async (t) => {
  const none = system(t, '').passwd
  t.equal(chooseOwnUid(0, none), 60_578)
  t.equal(chooseOwnUid(606 + 5, none), 60_583)
  t.equal(chooseOwnUid(5, system(t, 'a:x:60583:1::/:/bin/sh\nb:x:7:60584::/:/bin/sh\n').passwd), 60_585)
})

t.test('for root, PostgreSQL runs under a uid of its own, which has no name', asRoot, async (t) => {
  const dataDir = temporaryFolder(t)
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.teardown(() => embedded.close())
  const { data, user } = await openCluster(dataDir)
  t.ok(user.uid >= 60_578 && user.uid <= 61_183, String(user.uid))
  t.same(new Set(readdirSync(data).map((name) => statSync(join(data, name)).uid)), new Set([user.uid]))
  for (const path of ['..', '../password']) t.equal(statSync(join(data, path)).uid, 0, path)
  t.same(await query(embedded, 'select 1 as one'), { one: 1 })
})

t.test('for root, files of nobody get a uid of their own at the next start', asRoot, async (t) => {
  const dataDir = makeDataDir(t)
  const data = join(dataDir, 'postgres/18/data')
  const folders = ['', ...readdirSync(data, { recursive: true, encoding: 'utf8' })]
  for (const name of folders) chownSync(join(data, name), 65_534, 65_534)
  for (const name of ['..', '../password']) chownSync(join(data, name), 65_534, 65_534)

  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.teardown(() => embedded.close())
  const { uid } = statSync(data)
  t.ok(uid >= 60_578 && uid <= 61_183, String(uid))
  t.same(await query(embedded, 'select 1 as one'), { one: 1 })
})

t.test('a data folder with a link out of it keeps its owner', asRoot, async (t) => {
  const data = join(temporaryFolder(t), 'data')
  mkdirSync(data)
  symlinkSync('/', join(data, 'pg_wal'))
  t.equal(await giveToOwnUid(data, 60_578), false)
  t.equal(statSync(data).uid, 0)
})

t.test('a uid without a name is told what initdb needs', async (t) => {
  t.match(
    explainInitdb('initdb: could not look up 7: user does not exist\n', 7),
    /exist; add uid 7 to .*DATABASE_URL$/,
  )
  t.equal(explainInitdb('no space left\n', 7), 'no space left')
})
