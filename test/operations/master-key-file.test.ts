import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/domain/clock.ts'
import { openOperations } from '../../src/operations/open.ts'
import { testDatabase } from '../support/postgres.ts'
import { temporaryFolder } from '../support/process.ts'
import { PUBLIC_URL } from '../support/server.ts'

t.test('a lost master key is not replaced while the database holds what it sealed', async (t) => {
  const databaseUrl = await testDatabase(t)
  const dataDir = temporaryFolder(t)
  const path = join(dataDir, 'master-key')
  const open = () =>
    openOperations({
      databaseUrl,
      dataDir,
      publicUrl: PUBLIC_URL,
      masterKeys: undefined,
      clock: systemClock,
      poolSize: 2,
      databaseWaitSeconds: 5,
      log: () => {},
    })
  await (await open()).close()
  const key = readFileSync(path, 'utf8')
  rmSync(path)
  await t.rejects(open(), {
    name: 'MissingMasterKeyError',
    message: `${path} is gone, and the database holds keys that it sealed: put the file back from your backup`,
  })
  t.notOk(existsSync(path))
  writeFileSync(path, key)
  await (await open()).close()
})
