import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { TESTER } from '../support/server.ts'
import { sweep } from './clipped.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

const LINES = [
  '{"type":"device_group","id":"eu-edge","name":"Edge, Europe"}',
  ...Array.from(
    { length: 60 },
    (_, n) => `{"type":"device","id":"gw-${n}","name":"Gateway ${n}","groups":["eu-edge"]}`,
  ),
]

t.test('devices are imported, found, added and deleted, with and without script', async (t) => {
  const at = await portal(t)
  const { operations } = at.server
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI of the web shop' })
  for (const javaScriptEnabled of [true, false]) {
    const page = await signedIn(t, at, { javaScriptEnabled })
    const see = async (name: string, answersForm = false) => {
      if (!javaScriptEnabled) return
      await look(t, page, name)
      // The other pages are in the sweep of all addresses.
      if (answersForm) t.same(await sweep(page), [], name)
    }
    const main = () => page.locator('main').innerText()
    await page.getByRole('link', { name: 'Devices' }).click()
    await see('devices-none')
    await page.getByRole('link', { name: 'Import' }).click()
    await see('devices-import')
    const file = join(tmpdir(), `devices-${process.pid}.ndjson`)
    writeFileSync(file, [...LINES, '{"type":"device","id":"bad","groups":["nowhere"]}', 'no json'].join('\n'))
    await page.getByLabel('File (NDJSON)').setInputFiles(file)
    await page.getByRole('button', { name: 'Check' }).click()
    await see('devices-checked', true)
    t.match(await main(), '61 lines would be added, 0 changed')
    t.match(await main(), 'There is no device_group/nowhere.')
    await page.getByRole('button', { name: 'Import 61 lines' }).click()
    t.match(await main(), '61 lines were added')
    await see('devices-imported', true)
    await page.getByRole('link', { name: 'Back to Devices' }).click()

    for (const grant of [
      { role: 'operate', type: 'device_group', id: 'eu-edge' },
      { role: 'manage', type: 'device', id: 'gw-7' },
    ])
      await operations.grants.add(TESTER, 'acme', account.clientId, grant)
    await see('devices')
    await page.getByLabel('Search by name or id').fill('gateway 7')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('link', { name: 'Gateway 7', exact: true }).click()
    t.match(await main(), /CI of the web shop[\s\S]*manage[\s\S]*itself/)
    await see('device')
    await page.getByRole('link', { name: 'CI of the web shop' }).first().click()
    await page.getByRole('link', { name: 'Edge, Europe', exact: true }).click()
    t.match(await main(), 'What is in it')
    await see('device-group')

    await page.getByRole('link', { name: 'Devices' }).first().click()
    await page.getByRole('link', { name: 'Add' }).click()
    await page.getByLabel('Id', { exact: true }).fill('gw-7')
    await page.getByLabel('Groups (optional)').fill('eu-edge')
    await page.getByRole('button', { name: 'Add' }).click()
    t.match(await main(), 'There is a device with that id already.')
    await see('device-taken', true)
    await page.getByLabel('Id', { exact: true }).fill('gw-new')
    await page.getByRole('button', { name: 'Add' }).click()
    t.match(await main(), 'Added.')

    await page.getByRole('link', { name: 'Next page' }).click()
    for (const name of ['Gateway 7', 'Edge, Europe'])
      await page.getByLabel(`Tick ${name}`, { exact: true }).check()
    await page.getByRole('button', { name: 'Delete…' }).click()
    t.match(await main(), '2 grants end with them.')
    await see('devices-delete', true)
    await page.getByRole('button', { name: 'Delete all 2' }).click()
    t.match(await main(), 'Deleted, with all grants on it.')
    t.same((await operations.grants.list(TESTER, 'acme', account.clientId, { limit: 9 })).items, [])
    for (const { type, id } of (await operations.resources.list(TESTER, 'acme', { limit: 100 })).items)
      await operations.resources.delete(TESTER, 'acme', { type, id })
  }
})
