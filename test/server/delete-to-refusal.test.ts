import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createVerifier, TokenError } from '../../packages/verifier/src/index.ts'
import { STATUS_LIST_TTL_SECONDS } from '../../src/domain/status-list.ts'
import { openOperations } from '../../src/operations/open.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, startServer } from '../support/process.ts'
import { MASTER_KEY, PUBLIC_URL, TESTER } from '../support/server.ts'

const TTL = STATUS_LIST_TTL_SECONDS * 1000
/** Ended one after another over more than a ttl, so that each age of the verifier's copy is met. */
const ACCOUNTS = 24
const BETWEEN_ENDS = 500
const BETWEEN_LOOKS = 20
const ISSUER = `${PUBLIC_URL}/realms/acme`

/** Accounts with a token each, a server process, and an administrator who is not that process. */
async function running(t: Test) {
  const databaseUrl = await testDatabase(t)
  const { operations, close } = await openOperations({
    databaseUrl,
    dataDir: '/proc/none',
    publicUrl: PUBLIC_URL,
    masterKeys: [MASTER_KEY],
    clock: () => new Date(),
    poolSize: 2,
    databaseWaitSeconds: 5,
    log: () => {},
  })
  t.teardown(close)
  await operations.realms.create(TESTER, 'acme')
  const { url } = await startServer(t, { ...onDatabase(databaseUrl), PUBLIC_URL })
  const holders = await Promise.all(
    Array.from({ length: ACCOUNTS }, async (_, n) => {
      const made = await operations.accounts.create(TESTER, 'acme', { name: `holder ${n}` })
      const { clientId } = made.account
      const answer = await fetch(`${url}/realms/acme/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: made.clientSecret,
        }),
      })
      return { clientId, token: ((await answer.json()) as { access_token: string }).access_token }
    }),
  )
  return { operations, holders, reachIssuerAt: `${url}/realms/acme` }
}

/** How often the verifier asked for a status list. */
function countListFetches(t: Test): () => number {
  const { fetch } = globalThis
  let count = 0
  globalThis.fetch = (input, init) => {
    if (String(input).includes('/status-lists/')) count++
    return fetch(input, init)
  }
  t.teardown(() => {
    globalThis.fetch = fetch
  })
  return () => count
}

t.test('no verification that begins a ttl after an account was ended accepts its token', async (t) => {
  const { operations, holders, reachIssuerAt } = await running(t)
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: ISSUER,
    reachIssuerAt,
    timeoutSeconds: 60, // a busy machine is no refusal
  })
  const fetches = countListFetches(t)
  const begun = Date.now()
  const ends = [
    (clientId: string) => operations.accounts.delete(TESTER, 'acme', clientId),
    (clientId: string) => operations.accounts.update(TESTER, 'acme', clientId, { enabled: false }),
    (clientId: string) => operations.accounts.revokeTokens(TESTER, 'acme', clientId),
  ]

  /** Verifies without a pause until refused, and tells how long after the end that took. */
  async function watch({ clientId, token }: (typeof holders)[number], n: number) {
    await verifier.verify(token)
    let endedAt = Number.POSITIVE_INFINITY
    const end = async () => {
      await sleep(n * BETWEEN_ENDS)
      await ends[n % ends.length]?.(clientId)
      endedAt = Date.now()
    }
    const ended = end()
    for (;;) {
      const startedAt = Date.now()
      try {
        await verifier.verify(token)
        if (startedAt >= endedAt + TTL) return { code: 'accepted', took: startedAt - endedAt }
      } catch (error) {
        await ended
        const code = error instanceof TokenError ? error.code : String(error)
        return { code, took: Date.now() - endedAt }
      }
      await sleep(BETWEEN_LOOKS)
    }
  }

  const found = await Promise.all(holders.map(watch))
  t.same(
    found.filter(({ code }) => code !== 'revoked'),
    [],
  )
  const took = found.map((one) => one.took).sort((a, b) => a - b)
  t.comment(`from the end to the refusal: ${took.join(', ')} ms; the list was fetched ${fetches()} times`)
  t.ok(fetches() <= Math.ceil((Date.now() - begun) / TTL) + 1, 'and the list is fetched once a ttl')
})
