import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { csharp } from '../../src/http/portal/snippets/csharp.ts'
import { curl } from '../../src/http/portal/snippets/curl.ts'
import { go } from '../../src/http/portal/snippets/go.ts'
import { java } from '../../src/http/portal/snippets/java.ts'
import { node } from '../../src/http/portal/snippets/node.ts'
import { python } from '../../src/http/portal/snippets/python.ts'
import type { TokenRequest } from '../../src/http/portal/snippets/token-request.ts'
import { secretIn, textOf } from '../support/portal.ts'
import {
  accountWithKey,
  accountWithSecret,
  RESOURCE,
  SCOPES,
  snippetPlace,
} from '../support/snippet-accounts.ts'
import { missingLanguage, printedToken, runSnippet, snippetsIn } from '../support/snippets.ts'

/** Those that start at once; Go and Java are in test/clients. */
const QUICK = ['curl', 'node', 'python'] as const
const EVERY = ['curl', 'node', 'python', 'go', 'java', 'csharp']

t.test(
  'a program of the page with the new secret gets a token for what the account may ask for',
  async (t) => {
    const place = await snippetPlace(t)
    const { clientId, programs, env } = await accountWithSecret(place, 'CI')
    t.same([...programs.keys()], EVERY)
    for (const language of QUICK)
      await t.test(language, { skip: missingLanguage(language) }, async (t) => {
        const text = programs.get(language) as string
        const run = await runSnippet(t, language, text, env)
        t.equal(run.code, 0, run.errors)
        t.match(decodeJwt(printedToken(run)), { client_id: clientId, aud: RESOURCE, scope: SCOPES.join(' ') })
        const refused = await runSnippet(t, language, text, { CLIENT_SECRET: 'wrong' })
        t.not(refused.code, 0)
        t.match(`${refused.errors}${refused.output}`, /401[\s\S]*invalid_client|invalid_client[\s\S]*401/)
        const { code, errors } = await runSnippet(t, language, text, { CLIENT_SECRET: '' })
        t.not(code, 0, errors)
      })
  },
)

t.test('a program of the account’s page signs with its newest valid key', async (t) => {
  const place = await snippetPlace(t)
  for (const [algorithm, languages] of [
    ['ES256', ['node', 'python']],
    ['EdDSA', ['node']],
    ['ML-DSA-44', ['node']],
  ] as const) {
    const { clientId, programs, env } = await accountWithKey(t, place, algorithm)
    t.notOk(programs.has('curl'))
    t.equal(programs.has('python'), (languages as readonly string[]).includes('python'), algorithm)
    for (const language of languages)
      await t.test(`${algorithm} ${language}`, { skip: missingLanguage(language) }, async (t) => {
        const run = await runSnippet(t, language, programs.get(language) as string, env)
        t.equal(run.code, 0, run.errors)
        t.match(decodeJwt(printedToken(run)), { client_id: clientId })
      })
  }
})

t.test('no program has a secret in its text, on any page', async (t) => {
  const place = await snippetPlace(t)
  const { clientId, programs, env } = await accountWithSecret(place, 'CI')
  const here = `/portal/acme/service-accounts/${clientId}`
  const page = await place.browser.get(here)
  t.same(snippetsIn(page.body, 'secret'), programs)
  for (const verb of ['rotate-secret', 'reset-secret']) {
    const shown = await place.browser.submit(`${here}/${verb}`, `${here}/${verb}`, { hours: '24' })
    const secret = secretIn(shown)
    t.not(secret, '')
    t.same(snippetsIn(shown.body, 'secret'), programs)
    for (const text of programs.values()) t.notOk(text.includes(secret))
  }
  for (const text of programs.values()) t.notOk(text.includes(env['CLIENT_SECRET'] as string))
  t.match(textOf(page), 'The secret is read from the environment variable CLIENT_SECRET')
})

const HOSTILE = `'"\`$(exit 9)\${HOME}%s\\u0022\\" \\\n  "); //\r\u2028\u202e\ufeff\t🚀#{x}\\`

function hostileRequest(tokenUrl: string): TokenRequest {
  return {
    issuer: HOSTILE,
    tokenUrl,
    clientId: HOSTILE,
    asks: [['scope', HOSTILE]],
    credential: { kind: 'secret' },
  }
}

/** An endpoint that tells what it was sent. */
async function recorder(t: Test) {
  const sent: URLSearchParams[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    sent.push(new URLSearchParams(body))
    response.end('{"access_token":"x"}')
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.teardown(() => server.close())
  return { sent, url: `http://localhost:${(server.address() as AddressInfo).port}/it's/$HOME` }
}

t.test('a value with quotes, backslashes, $ and line breaks stays a value', async (t) => {
  for (const language of [curl, node, python])
    await t.test(language.id, { skip: missingLanguage(language.id as 'curl') }, async (t) => {
      const { sent, url } = await recorder(t)
      const text = language.write(hostileRequest(url)) as string
      const run = await runSnippet(t, language.id as 'curl', text, { CLIENT_SECRET: HOSTILE })
      t.equal(run.code, 0, run.errors)
      for (const name of ['client_id', 'client_secret', 'scope']) t.equal(sent[0]?.get(name), HOSTILE, name)
    })
})

t.test(
  'a ~ that a shell would replace by a folder stays one',
  { skip: missingLanguage('curl') },
  async (t) => {
    const { sent, url } = await recorder(t)
    const request = { ...hostileRequest(url), clientId: '~root', asks: [['scope', 'a:~root']] } as const
    const run = await runSnippet(t, 'curl', curl.write(request) as string, { CLIENT_SECRET: 's' })
    t.equal(run.code, 0, run.errors)
    t.equal(sent[0]?.get('client_id'), '~root')
    t.match(curl.write(request), "'client_id=~root'")
  },
)

t.test('a value is one literal of Go, Java and C#, in ASCII', async (t) => {
  const written = (language: typeof go) =>
    /"?client_id"?\]?(?: =|:|,) *\{?("(?:[^"\\]|\\.)*")/.exec(
      language.write(hostileRequest('https://x')) as string,
    )?.[1]
  const start = `"'\\"\`$(exit 9)\${HOME}%s\\\\u0022\\\\\\" \\\\`
  const rest = '  \\"); //'
  const long = `\\U0000000a${rest}\\U0000000d\\U00002028\\U0000202e\\U0000feff\\U00000009\\U0001f680#{x}\\\\"`
  t.equal(written(go), start + long)
  t.equal(written(csharp), start + long)
  t.equal(written(java), `${start}\\012${rest}\\015\\u2028\\u202e\\ufeff\\011\\ud83d\\ude80#{x}\\\\"`)
  for (const language of [go, java, csharp])
    t.match(language.write(hostileRequest('https://x')), /^[\n\t -~]*$/)
})

t.test('C# has each part of the request', async (t) => {
  const { programs } = await accountWithSecret(await snippetPlace(t), 'CI')
  t.match(programs.get('csharp'), 'GetEnvironmentVariable("CLIENT_SECRET")')
  t.match(programs.get('csharp'), `["scope"] = ${JSON.stringify(SCOPES.join(' '))},`)
  t.match(programs.get('csharp'), `["resource"] = ${JSON.stringify(RESOURCE)},`)
  t.match(programs.get('csharp'), 'Console.Error.WriteLine((int)answer.StatusCode + " " + body);')
})
