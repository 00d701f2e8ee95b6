import type { LightMyRequestResponse } from 'fastify'
import pg from 'pg'
import { TESTER, type TestServer } from './server.ts'

export type Answer = LightMyRequestResponse

const FORM = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }

/** A browser without script: keeps cookies, and sends the forms of pages that it has. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #app: Pick<TestServer['app'], 'inject'>

  constructor({ app }: { readonly app: Pick<TestServer['app'], 'inject'> }) {
    this.#app = app
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#keep(await this.#app.inject({ url, headers: { cookie: this.#cookieHeader(), ...headers } }))
  }

  async post(
    url: string,
    fields: Record<string, string> | URLSearchParams,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const payload = new URLSearchParams(fields).toString()
    const sent = { cookie: this.#cookieHeader(), ...FORM, ...headers }
    return this.#keep(await this.#app.inject({ method: 'POST', url, payload, headers: sent }))
  }

  /** Opens a page and sends the form that acts at `action`, with what it carries and what is filled in. */
  async submit(page: string, action: string, fields: Record<string, string> = {}): Promise<Answer> {
    return this.post(action, { ...hiddenFields((await this.get(page)).body, action), ...fields })
  }

  #keep(answer: Answer): Answer {
    for (const { name, value } of answer.cookies) {
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return answer
  }

  #cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }
}

/** What the form that acts at `action` carries by itself. */
export function hiddenFields(body: string, action: string): Record<string, string> {
  const forms = unescaped(body)
    .split('<form ')
    .filter((text) => text.includes(`action="${action}"`))
  if (forms.length === 0) throw new Error(`no form acts at ${action}`)
  const inputs = forms[0]?.split('</form>')[0]?.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g) ?? []
  return Object.fromEntries([...inputs].map(([, name, value = '']) => [name, value]))
}

function unescaped(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
}

/** The text of a page, without its markup. */
export function textOf({ body }: Answer): string {
  const main = /<main[\s\S]*<\/main>/.exec(body)?.[0] ?? body
  return unescaped(main.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ')
}

/** Somebody who came in by a one-time link. */
export async function adminOf(server: TestServer, realm: string): Promise<Browser> {
  const { url } = await server.operations.portal.createLink(TESTER, realm)
  const browser = new Browser(server)
  await browser.post(`/portal/${realm}/sign-in`, { code: url.split('#')[1] as string })
  return browser
}

/** Lets a browser into realm `system` as a platform administrator. */
export async function enterAsPlatformAdmin(server: TestServer, browser: Browser): Promise<Answer> {
  const link = { person: 'Ann', platform: true }
  const { url } = await server.operations.portal.createLink(TESTER, 'system', link)
  return browser.post('/portal/system/sign-in', { code: url.split('#')[1] as string })
}

/** Somebody who came in and may only look. */
export async function viewerOf(server: TestServer, realm: string): Promise<Browser> {
  const browser = await adminOf(server, realm)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query("update portal_sessions set access = 'view', display_name = 'Vera', subject = 'vera'")
  await client.end()
  return browser
}

/** The secret that a page shows. */
export function secretIn({ body }: Answer): string {
  return /mm_\w{49}/.exec(body)?.[0] ?? ''
}

/** A sealed value whose tag has another first character. The bits of its last one do not all count. */
export function withOtherTag(sealed: string): string {
  const tag = sealed.lastIndexOf('.') + 1
  return sealed.slice(0, tag) + (sealed[tag] === 'A' ? 'B' : 'A') + sealed.slice(tag + 1)
}
