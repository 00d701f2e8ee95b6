import { decodeJwt } from 'jose'
import t from 'tap'
import {
  accountWithKey,
  accountWithSecret,
  RESOURCE,
  SCOPES,
  snippetPlace,
} from '../support/snippet-accounts.ts'
import { missingLanguage, printedToken, runSnippet } from '../support/snippets.ts'

for (const language of ['node', 'python', 'go', 'java'] as const)
  t.test(`the portal's program in ${language}`, { skip: missingLanguage(language) }, async (t) => {
    const place = await snippetPlace(t)

    await t.test('gets a token by the secret, and shows status and error of a refusal', async (t) => {
      const { clientId, programs, env } = await accountWithSecret(place, 'CI')
      const text = programs.get(language) as string
      const run = await runSnippet(t, language, text, env)
      t.equal(run.code, 0, run.errors)
      t.match(decodeJwt(printedToken(run)), { client_id: clientId, aud: RESOURCE, scope: SCOPES.join(' ') })
      const refused = await runSnippet(t, language, text, { CLIENT_SECRET: 'wrong' })
      t.not(refused.code, 0)
      t.match(refused.errors, /401 [\s\S]*invalid_client/)
    })

    for (const algorithm of ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'] as const)
      await t.test(`signs with ${algorithm}`, async (t) => {
        const { clientId, programs, env } = await accountWithKey(t, place, algorithm)
        // The libraries of the others have no Ed25519.
        if (language === 'python' && algorithm === 'EdDSA') return void t.notOk(programs.has(language))
        const run = await runSnippet(t, language, programs.get(language) as string, env)
        t.equal(run.code, 0, run.errors)
        t.match(decodeJwt(printedToken(run)), { client_id: clientId })
      })
  })
