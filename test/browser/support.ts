import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import root, { type Test } from 'tap'
import type { SingleSignOnSettings } from '../../src/domain/single-sign-on.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'
import { findChromium } from './chromium.ts'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Portal {
  readonly server: TestServer
  readonly browser: Browser
  /** Where the pages of realm `acme` are. */
  readonly base: string
  readonly publicUrl: string
}

export interface PortalOptions {
  readonly serviceAccountLimit?: number
  readonly singleSignOn?: SingleSignOnSettings
}

/** A server that listens, with realm `acme`, and a browser. */
export async function portal(t: Test, { singleSignOn, ...settings }: PortalOptions = {}): Promise<Portal> {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const server = await testServer(t, { publicUrl, ...(singleSignOn && { singleSignOn }) })
  await server.app.listen({ host: 'localhost', port })
  await server.operations.realms.create(TESTER, 'acme', { displayName: 'Acme', ...settings })
  const browser = await browserOfFile()
  t.teardown(() => Promise.all(browser.contexts().map((context) => context.close())))
  return { server, browser, base: `${publicUrl}/portal/acme`, publicUrl }
}

let launched: Promise<Browser> | undefined

/** One for all tests of a file, which run one after another, each in contexts of its own. */
function browserOfFile(): Promise<Browser> {
  launched ??= launchBrowser()
  return launched
}

async function launchBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: findChromium() as string, args: FLAGS })
  root.teardown(() => browser.close())
  await readPagesThatClicksOpen(browser)
  return browser
}

/**
 * Playwright ends a click as soon as the next page begins to arrive. Here it ends when that page has been read, for a test asks for its
 * title, its text or a count right away. The same for a key.
 */
async function readPagesThatClicksOpen(browser: Browser): Promise<void> {
  const page = await browser.newPage()
  const locators = Object.getPrototypeOf(page.locator('html'))
  for (const act of ['click', 'press']) {
    const original = locators[act]
    locators[act] = async function (this: Locator, ...args: unknown[]) {
      await original.apply(this, args)
      await this.page().waitForLoadState('domcontentloaded')
    }
  }
  await page.close()
}

/** A page of somebody who came in by a link. Whatever the page complains of fails the test. */
export async function signedIn(t: Test, portal: Portal, options: BrowserContextOptions = {}): Promise<Page> {
  const { browser, server } = portal
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  context.setDefaultTimeout(10_000)
  const page = await context.newPage()
  watch(t, page)
  const { url } = await server.operations.portal.createLink(TESTER, 'acme')
  await page.goto(url)
  if (options.javaScriptEnabled === false) await page.fill('#code', new URL(url).hash.slice(1))
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL('**/service-accounts')
  return page
}

/** Lets the browser of a page into realm `system`, too. */
export async function enterAsPlatformAdmin(page: Page, { server }: Portal): Promise<void> {
  const link = { person: 'Ann', platform: true }
  const { url } = await server.operations.portal.createLink(TESTER, 'system', link)
  await page.goto(url)
  const code = page.locator('#code')
  if (await code.isVisible()) await code.fill(new URL(url).hash.slice(1))
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL('**/portal/system/service-accounts')
}

/** Fails the test for scripts that break, for what the Content-Security-Policy stops, and for every dialog. */
export function watch(t: Test, page: Page): void {
  page.on('pageerror', (error) => t.fail(`script: ${error.message}`))
  page.on('dialog', (dialog) => {
    // Leaving a secret that was not copied.
    if (dialog.type() === 'beforeunload') return void dialog.accept()
    t.fail(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    // Statuses of pages that say what is wrong are told there too.
    if (
      message.type() === 'error' &&
      !/the server responded with a status of 4\d\d|of 503/.test(message.text())
    )
      t.fail(`console: ${message.text()}`)
  })
}

export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** The status of a token request. */
export async function tokenStatus({ publicUrl }: Portal, { clientId, clientSecret }: Credentials) {
  const answer = await fetch(`${publicUrl}/realms/acme/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  return { status: answer.status, token: token ?? '' }
}

export async function shownCredentials(page: Page): Promise<Credentials> {
  return {
    clientId: await page.locator('#client-id').innerText(),
    clientSecret: await page.locator('#client-secret').innerText(),
  }
}
