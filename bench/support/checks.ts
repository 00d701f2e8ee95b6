import assert from 'node:assert/strict'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { CONNECTIONS, runLoad, writeRequests } from './load.ts'
import { ACTOR, type Client, openAdministration, requestOf } from './mintmark.ts'
import type { Server } from './processes.ts'

const SAMPLE = 500

/**
 * While the server is under load: a sample of its tokens verifies by its JWKS, no two have the same jti, and a secret
 * that is reset is refused by the very next request. Says what was checked.
 * @throws AssertionError
 */
export async function checkUnderLoad(
  server: Server,
  client: Client,
  databaseUrl: string,
  folder: string,
): Promise<string> {
  const administration = await openAdministration(databaseUrl)
  const { operations } = administration
  const { account, clientSecret } = await operations.accounts.create(ACTOR, client.realm, {
    name: 'reset',
  })
  const other = { realm: client.realm, clientId: account.clientId, clientSecret }
  const file = writeRequests(`${folder}/checked`, [requestOf(client)])
  const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS, seconds: 6 } as const
  const underway = runLoad(load)
  try {
    await verifySample(server.url, client)
    let secret = clientSecret
    for (let reset = 0; reset < 5; reset++) {
      const next = await operations.secrets.reset(ACTOR, other.realm, other.clientId)
      const [old, fresh] = await Promise.all([
        ask(server.url, { ...other, clientSecret: secret }),
        ask(server.url, { ...other, clientSecret: next.clientSecret }),
      ])
      assert.equal(old.status, 401, 'a secret that was reset is refused')
      assert.equal(fresh.status, 200, 'the new secret is accepted')
      secret = next.clientSecret
    }
  } finally {
    await underway
    await administration.close()
  }
  return `Under that load ${SAMPLE} tokens were verified by the JWKS and had as many different jti, and 5 resets of a secret were obeyed by the next request.`
}

async function verifySample(url: string, client: Client): Promise<void> {
  const jwks = createRemoteJWKSet(new URL(`${url}/realms/${client.realm}/protocol/openid-connect/certs`))
  const ids = new Set<unknown>()
  for (let n = 0; n < SAMPLE; n++) {
    const answer = (await (await ask(url, client)).json()) as { access_token: string }
    const issuer = decodeJwt(answer.access_token).iss as string
    assert.ok(issuer.endsWith(`/realms/${client.realm}`))
    const { payload } = await jwtVerify(answer.access_token, jwks, { issuer, typ: 'at+jwt' })
    assert.equal(payload.sub, client.clientId)
    ids.add(payload.jti)
  }
  assert.equal(ids.size, SAMPLE, 'every jti is unique')
}

function ask(url: string, client: Client): Promise<Response> {
  const { path, body = '' } = requestOf(client)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return fetch(url + path, { method: 'POST', body, headers })
}
