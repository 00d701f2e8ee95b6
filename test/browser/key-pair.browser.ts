import { createPrivateKey, createPublicKey, type JsonWebKey, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { importPKCS8, SignJWT } from 'jose'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { TESTER } from '../support/server.ts'
import { type Portal, portal, signedIn } from './support.ts'

async function create(page: Page, { base }: Portal, name: string): Promise<void> {
  await page.goto(`${base}/service-accounts/create`)
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByLabel('Key pair').check()
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByRole('heading', { name: 'Private key' }).waitFor()
}

async function downloaded(page: Page, name: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name }).click(),
  ])
  return readFileSync(await download.path(), 'utf8')
}

async function keysOf({ server }: Portal, clientId: string) {
  return server.operations.clientKeys.list(TESTER, 'acme', clientId)
}

/** Everything that the browser sends. */
function sentBy(page: Page): string[] {
  const sent: string[] = []
  page.on('request', (request) => sent.push(request.url(), request.postData() ?? ''))
  return sent
}

function matches(t: Test, privatePem: string, jwk: object | undefined): void {
  const own = createPublicKey(createPrivateKey(privatePem)).export({ format: 'jwk' })
  t.same(own, jwk, 'the server has its public half')
}

t.test('the browser makes a key pair, sends the public half and offers the private half once', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  const sent = sentBy(page)
  await create(page, at, 'CI')
  t.match(await page.locator('main').innerText(), 'Download the private key now')
  t.match(await page.title(), /^Service account created/)
  const clientId = await page.locator('#client-id').innerText()
  const [key] = await keysOf(at, clientId)
  const pem = await downloaded(page, 'Download as PEM')
  matches(t, pem, key?.jwk)
  const jwk = JSON.parse(await downloaded(page, 'Download as JWK')) as JsonWebKey & { d: string; kid: string }
  t.match(jwk, { kid: key?.kid, alg: 'ES256', use: 'sig' })
  const fromJwk = createPrivateKey({ key: jwk, format: 'jwk' })
  t.equal(fromJwk.export({ type: 'pkcs8', format: 'pem' }).toString(), pem)
  t.notOk(sent.some((text) => decodeURIComponent(text.replaceAll('+', ' ')).includes(jwk.d)))
  t.notOk(sent.some((text) => text.includes('PRIVATE')))
  t.match(new URL(page.url()).pathname, `/service-accounts/${clientId}`, 'a reload asks for the account')
  await page.reload()
  t.notMatch(await page.locator('main').innerText(), 'Download')
  await page.goBack()
  t.notMatch(await page.content(), 'Download as PEM')
  t.equal(await statusOfToken(at, clientId, pem), 200, 'the private key gets a token')
})

async function statusOfToken({ publicUrl, server }: Portal, clientId: string, pem: string): Promise<number> {
  const issuer = `${publicUrl}/realms/acme`
  const now = Math.floor(server.clock.now.getTime() / 1000)
  const assertion = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(await importPKCS8(pem, 'ES256'))
  const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    }),
  })
  return answer.status
}

t.test('a key pair that is refused says why, and is made anew', async (t) => {
  const at = await portal(t)
  await at.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const page = await signedIn(t, at)
  await page.goto(`${at.base}/service-accounts/create`)
  await page.getByLabel('Name', { exact: true }).fill('CI')
  await page.getByLabel('Key pair').check()
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.locator('#name-fault').waitFor()
  t.equal(await page.getByLabel('Key pair').isChecked(), true)
  t.equal(await page.getByLabel('Public key').inputValue(), '', 'its private half is gone, so it is not kept')
  await page.getByLabel('Name', { exact: true }).fill('Second')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByRole('heading', { name: 'Private key' }).waitFor()
  const clientId = await page.locator('#client-id').innerText()
  matches(t, await downloaded(page, 'Download as PEM'), (await keysOf(at, clientId))[0]?.jwk)
})

t.test('a key pair is added to an account, and a pasted key offers no download', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await create(page, at, 'CI')
  const clientId = await page.locator('#client-id').innerText()
  await page.getByRole('link', { name: 'Continue' }).click()
  await page.getByRole('link', { name: 'Add a key' }).click()
  await page.getByLabel('Name (optional)').fill('second')
  await page.getByRole('button', { name: 'Add' }).click()
  const pem = await downloaded(page, 'Download as PEM')
  const second = (await keysOf(at, clientId)).find(({ name }) => name === 'second')
  matches(t, pem, second?.jwk)

  await page.goto(`${at.base}/service-accounts/${clientId}/keys/${second?.thumbprint}/delete`)
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('The key is deleted').waitFor()
  await page.getByRole('link', { name: 'Add a key' }).click()
  const publicPem = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' })
  await page.getByLabel('Public key').fill(publicPem.toString())
  await page.getByRole('button', { name: 'Add' }).click()
  await page.getByText('The public key is added').waitFor()
  t.equal(await page.getByRole('link', { name: 'Download as PEM' }).count(), 0)
})
