import t from 'tap'
import { TESTER } from '../support/server.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

t.test('a web hook is added, tested, paused and deleted, with and without script', async (t) => {
  const at = await portal(t)
  const { webhookSender, signingKeys } = at.server.operations
  for (const javaScriptEnabled of [true, false]) {
    const page = await signedIn(t, at, { javaScriptEnabled })
    const see = async (name: string) => {
      if (javaScriptEnabled) await look(t, page, name)
    }
    const main = () => page.locator('main').innerText()
    await page.getByRole('link', { name: 'Web hooks' }).click()
    await see('webhooks-none')
    await page.getByRole('link', { name: 'Add the first one' }).click()
    await see('webhooks-add')
    await page.getByLabel('Address').fill('https://10.0.0.1/hook')
    await page.getByRole('button', { name: 'Add it' }).click()
    t.match(await main(), 'in a network that the operator has not allowed')
    await see('webhooks-refused')
    await page.getByLabel('Address').fill('https://ops.nowhere.example/a-long-path/of-the-receiver/mintmark')
    await page.getByLabel('Description (optional)').fill('Pager of the platform team')
    await page.getByLabel('limit.reached').uncheck()
    await page.getByRole('button', { name: 'Add it' }).click()
    t.match(await main(), 'The web hook is added')
    await page.getByRole('button', { name: 'Send a test' }).click()
    t.match(await main(), 'A test is being sent')
    const { kid } = await signingKeys.rotate(TESTER, 'acme')
    await signingKeys.revoke(TESTER, 'acme', kid)
    await webhookSender.sendDue()
    await webhookSender.idle()
    await page.reload()
    t.match(
      await main(),
      /signing_key\.revoked[\s\S]*the name of the server was not found[\s\S]*Next attempt/,
    )
    t.match(await main(), /ping\s+Failed/)
    await see('webhook')
    await page.getByRole('button', { name: /^Send again\s*: ping$/ }).click()
    t.match(await main(), 'It is being sent again')
    t.equal(await page.getByLabel('limit.reached').isChecked(), false)
    await page.getByLabel('limit.reached').check()
    await page.getByRole('button', { name: 'Save' }).click()
    t.match(await main(), 'Saved.')
    await page.getByRole('button', { name: 'Pause' }).click()
    t.match(await main(), 'Paused: it gets no new events')
    await see('webhook-paused')
    await page.getByRole('button', { name: 'Enable' }).click()
    await page.getByRole('link', { name: 'Web hooks' }).first().click()
    await see('webhooks')
    await page.getByRole('link', { name: /^Delete https/ }).click()
    await see('webhook-delete')
    await page.getByRole('button', { name: 'Delete' }).click()
    t.match(await main(), 'is deleted, with its deliveries')
  }
})
