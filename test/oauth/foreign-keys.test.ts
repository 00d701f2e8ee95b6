import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { mintmark } from '../support/command.ts'
import { acme, basic, introspect, post } from '../support/introspection.ts'
import { onDatabase } from '../support/process.ts'
import { MASTER_KEY, PUBLIC_URL } from '../support/server.ts'

const ISSUER = `${PUBLIC_URL}/realms/acme`
const PATH = '/admin/realms/acme/foreign-keys'
const INACTIVE = { active: false }

/** The server before: a key, and tokens in the shape of Keycloak's. */
async function oldServer(kid = 'old', algorithm = 'RS256') {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }
  const sign = (claims: object, header: object = {}) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT', ...header })
      .sign(privateKey)
  return { jwk, sign, privateJwk: { ...(await exportJWK(privateKey)), kid, alg: algorithm, use: 'sig' } }
}

async function world(t: Test) {
  const made = await acme(t)
  const { server, client, resourceServer } = made
  const ask = await platformAdministrator(server)
  const old = await oldServer()
  const now = () => Math.floor(server.clock.now.getTime() / 1000)
  const until = (days: number) => new Date(server.clock.now.getTime() + days * 86_400_000).toISOString()
  const claims = (more: object = {}) => ({
    iss: ISSUER,
    sub: '37cbe3b5-65a6-491c-95dd-191d85f6a889',
    typ: 'Bearer',
    azp: client.clientId,
    jti: 'trrtcc:1',
    iat: now() - 10,
    exp: now() + 3600,
    realm_access: { roles: ['view', 'offline_access'] },
    ...more,
  })
  const told = async (token: string) => JSON.parse(await introspect(server, resourceServer, token))
  const publish = (more: object = {}) =>
    ask('POST', PATH, { jwks: { keys: [old.jwk] }, until: until(1), ...more })
  const certs = async () =>
    (await server.app.inject('/realms/acme/protocol/openid-connect/certs')).json().keys as JWK[]
  return { ...made, ask, old, now, until, claims, told, publish, certs }
}

t.test(
  'keys of the previous server are in the JWKS until their end, and introspection knows their tokens',
  async (t) => {
    const { server, client, old, claims, told, publish, certs, ask } = await world(t)
    const token = await old.sign(claims())
    t.same(await told(token), INACTIVE)
    const answer = await publish({
      jwks: { keys: [old.jwk, { kty: 'RSA', use: 'enc', kid: 'enc', n: 'AQAB', e: 'AQAB' }] },
    })
    t.match(answer, {
      status: 200,
      body: { items: [{ kid: 'old', algorithm: 'RS256', issuer: ISSUER }], notes: [/keys.1 is left out/] },
    })
    const [, published] = await certs()
    t.same(published, old.jwk)
    t.match(
      await told(token),
      {
        active: true,
        client_id: client.clientId,
        iss: ISSUER,
        realm_access: { roles: ['view'] },
      },
      'with the roles that the account has',
    )
    t.match((await ask('GET', PATH)).body.items, [{ kid: 'old' }])
    server.clock.advance(3600)
    t.same(await told(token), INACTIVE, 'expired')
    server.clock.advance(86_400)
    t.equal((await certs()).length, 1, 'the key has ended')
    t.same(await told(await old.sign(claims())), INACTIVE)
  },
)

t.test('an invalid access token of the previous server is inactive', async (t) => {
  const { old, claims, told, publish, now, client, server } = await world(t)
  await publish()
  t.match(await told(await old.sign(claims())), { active: true })
  const bad: [string, object, object?][] = [
    ['another issuer', { iss: `${PUBLIC_URL}/realms/other` }],
    ['no issuer', { iss: undefined }],
    ['an ID token', { typ: 'ID' }],
    ['a refresh token', { typ: 'Refresh' }],
    ['a nonce', { typ: undefined, nonce: 'x' }],
    ['expired', { exp: now() - 1 }],
    ['no exp', { exp: undefined }],
    ['no iat', { iat: undefined }],
    ['from the future', { iat: now() + 600 }],
    ['not yet valid', { nbf: now() + 600 }],
    ['an account that is not there', { azp: 'nobody' }],
    ['no client', { azp: undefined }],
    ['odd roles', { realm_access: { roles: 7 } }],
    ['odd roles of a client', { resource_access: { x: null } }],
    ['odd scope', { scope: ['view'] }],
    ['odd aud', { aud: [7] }],
    ['odd roles of ours', { roles: 'view' }],
    ['odd jti', { jti: 7 }],
    ['another type', {}, { typ: 'statuslist+jwt' }],
  ]
  for (const [what, more, header] of bad)
    t.same(await told(await old.sign(claims(more), header)), INACTIVE, what)
  t.match(await told(await old.sign(claims({ azp: 'x', client_id: client.clientId }))), { active: true })
  const text = await told(await old.sign(claims({ authorization_details: [{ type: 'device' }], status: 7 })))
  t.notOk('authorization_details' in text || 'status' in text)
  const other = await oldServer()
  t.same(await told(await other.sign(claims())), INACTIVE, 'another key of that kid')
  const good = await old.sign(claims())
  t.same(await told(`${good.slice(0, -4)}AAAA`), INACTIVE)
  const [header, payload] = good.split('.')
  t.same(await told(`${header}.${payload}.`), INACTIVE)
  t.notMatch(server.log.join('\n'), /"level":50/)
})

t.test('an old issuer is named, and holds for its keys alone', async (t) => {
  const { old, claims, told, publish } = await world(t)
  const iss = 'https://sso.old.test/realms/plant'
  t.match(await publish({ issuer: iss }), { status: 200, body: { items: [{ issuer: iss }] } })
  t.match(await told(await old.sign(claims({ iss }))), { active: true, iss })
  t.same(await told(await old.sign(claims())), INACTIVE)
})

t.test(
  'an account that is disabled, deleted or loses its tokens loses those of the previous server',
  async (t) => {
    const { server, ask, client, old, claims, told, publish, now } = await world(t)
    await publish()
    const account = `/admin/realms/acme/service-accounts/${client.clientId}`
    const token = await old.sign(claims())
    t.match(await told(token), { active: true })
    await ask('PATCH', account, { enabled: false })
    t.same(await told(token), INACTIVE)
    await ask('PATCH', account, { enabled: true })
    t.same(await told(token), INACTIVE, 'enabled again it has no old tokens')
    server.clock.advance(5)
    const later = await old.sign(claims({ iat: now() }))
    t.match(await told(later), { active: true })
    server.clock.advance(5)
    await ask('POST', `${account}/revoke-tokens`, {})
    t.same(await told(later), INACTIVE)
    server.clock.advance(5)
    const last = await old.sign(claims({ iat: now() }))
    t.match(await told(last), { active: true })
    server.clock.advance(5)
    await ask('DELETE', account)
    t.same(await told(last), INACTIVE)
    await ask('POST', '/admin/realms/acme/service-accounts', {
      name: 'again',
      client_id: client.clientId,
      client_secret: 'kX8-vq2W_tR7nPz4mB',
    })
    t.same(await told(last), INACTIVE, 'nor does one that is made anew')
  },
)

t.test('a client revokes its own token of the previous server, and no other', async (t) => {
  const { server, client, resourceServer, old, claims, told, publish } = await world(t)
  await publish()
  const token = await old.sign(claims())
  const revoke = (by: typeof client, text: string) =>
    post(server, 'revoke', { token: text }, { authorization: basic(by) })
  t.equal((await revoke(resourceServer, token)).statusCode, 400)
  t.match(await told(token), { active: true })
  t.equal((await revoke(client, token)).statusCode, 200)
  t.same(await told(token), INACTIVE)
  const nameless = await old.sign(claims({ jti: undefined }))
  t.equal((await revoke(client, nameless)).statusCode, 200)
  t.match(server.log.join('\n'), /the token has no jti/)
})

t.test('a token of the previous server gives no access to the admin API or introspection', async (t) => {
  const { server, ask, client, old, claims, publish } = await world(t)
  await ask('PATCH', `/admin/realms/acme/service-accounts/${client.clientId}`, {
    roles: ['account-admin', 'introspect'],
  })
  await publish()
  const all = { roles: ['account-admin', 'platform-admin', 'introspect'], client_id: client.clientId }
  for (const header of [{}, { typ: 'at+jwt' }])
    for (const iss of [ISSUER, `${PUBLIC_URL}/realms/system`]) {
      const token = await old.sign(claims({ ...all, iss, aud: [`${PUBLIC_URL}/admin`, ISSUER] }), header)
      t.equal((await asking(server, token)('GET', '/admin/realms/acme')).status, 401)
      const answer = await post(server, 'token/introspect', { token }, { authorization: `Bearer ${token}` })
      t.equal(answer.statusCode, 401)
    }
})

t.test('keys that must not be published are refused whole', async (t) => {
  const { server, ask, old, publish, until, certs } = await world(t)
  const { kid } = (await certs())[0] as JWK
  const plenty = await Promise.all(
    Array.from({ length: 11 }, async (_, n) => (await oldServer(`k${n}`, 'ES256')).jwk),
  )
  const bad: [object, number, RegExp][] = [
    [{ jwks: { keys: [old.jwk, old.privateJwk] } }, 400, /private key/],
    [{ jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'x' }] } }, 400, /private key/],
    [{ jwks: { keys: [{ ...old.jwk, kid: undefined }] } }, 400, /needs a kid/],
    [{ jwks: { keys: [{ ...old.jwk, kid: 'a b' }] } }, 400, /needs a kid/],
    [{ jwks: { keys: [old.jwk, old.jwk] } }, 400, /same kid/],
    [{ jwks: { keys: [] } }, 400, /No key/],
    [{ jwks: {} }, 400, /cannot be read/],
    [{ jwks: { keys: [{ ...old.jwk, kid }] } }, 409, /of its own/],
    [{ jwks: { keys: plenty } }, 409, /at most/],
    [{ jwks: undefined }, 400, /exactly one/],
    [{ jwks_uri: 'https://x.test/jwks' }, 400, /exactly one/],
    [{ jwks: undefined, jwks_uri: 'https://127.0.0.1/jwks' }, 400, /could not be fetched/],
    [{ jwks: undefined, jwks_uri: 'file:///etc/passwd' }, 400, /https/],
    [{ until: until(-1) }, 400, /within the next 90 days/],
    [{ until: until(91) }, 400, /within the next 90 days/],
    [{ until: 'tomorrow' }, 400, /until/],
    [{ issuer: 'old' }, 400, /issuer/],
  ]
  for (const [more, status, text] of bad) {
    const answer = await publish(more)
    t.equal(answer.status, status, JSON.stringify(more).slice(0, 80))
    t.match(answer.text, text)
    t.notMatch(answer.text, old.privateJwk.d as string)
  }
  t.equal((await certs()).length, 1)
  t.notMatch(server.log.join('\n'), old.privateJwk.d as string)
  t.equal(
    (await ask('POST', '/admin/realms/system/foreign-keys', { jwks: { keys: [old.jwk] }, until: until(1) }))
      .status,
    400,
  )
})

t.test('a platform administrator publishes, an Account Admin may only withdraw', async (t) => {
  const { server, old, publish, until, certs, told, claims } = await world(t)
  const admin = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.equal((await admin('POST', PATH, { jwks: { keys: [old.jwk] }, until: until(1) })).status, 403)
  await publish()
  await publish({ until: until(2) })
  t.match((await admin('GET', PATH)).body.items, [{ until: until(2) }])
  t.equal((await admin('DELETE', `${PATH}/none`)).status, 404)
  t.equal((await admin('DELETE', `${PATH}/old`)).status, 204)
  t.equal((await certs()).length, 1)
  t.same(await told(await old.sign(claims())), INACTIVE)
})

t.test('a key that was changed in the database is not trusted', async (t) => {
  const { server, old, publish, certs } = await world(t)
  await publish()
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  const other = await oldServer()
  for (const change of [
    "ends_at = ends_at + interval '1 year'",
    "issuer = 'https://evil.test'",
    `jwk = '${JSON.stringify(other.jwk)}'`,
  ]) {
    const before = (await client.query('select * from foreign_keys')).rows[0]
    await client.query(`update foreign_keys set ${change}`)
    await client.query("update realms set version = version + 1 where name = 'acme'")
    t.equal((await certs()).length, 1, change)
    await client.query('update foreign_keys set ends_at = $1, issuer = $2, jwk = $3', [
      before.ends_at,
      before.issuer,
      before.jwk,
    ])
    await client.query("update realms set version = version + 1 where name = 'acme'")
    t.same((await certs())[1], old.jwk)
  }
  await client.end()
})

t.test('the command publishes, lists and withdraws keys of a file', async (t) => {
  const { server, old } = await world(t)
  const env = { ...onDatabase(server.databaseUrl), MASTER_KEY, PUBLIC_URL }
  const file = join(t.testdir(), 'jwks.json')
  writeFileSync(file, JSON.stringify({ keys: [old.jwk, { kty: 'RSA', use: 'enc' }] }))
  const key = (verb: string, ...args: string[]) => mintmark(['key', verb, '--realm', 'acme', ...args], env)
  const until = new Date(Date.now() + 86_400_000).toISOString()
  const published = await key('publish-foreign', '--jwks', file, '--until', until, '--json')
  t.match(JSON.parse(published.stdout), [{ kid: 'old', issuer: ISSUER, until }])
  t.match(published.stderr, 'left out')
  t.match((await key('list-foreign')).stdout, /^KID .*\nold +RS256/)
  writeFileSync(file, `{"keys":[${JSON.stringify(old.privateJwk)}`)
  const broken = await key('publish-foreign', '--jwks', file, '--until', until)
  t.equal(broken.code, 1)
  t.notMatch(broken.stderr, old.privateJwk.d as string)
  t.match(JSON.parse((await key('withdraw-foreign', 'old', '--yes', '--json')).stdout), { withdrawn: true })
  t.equal((await key('list-foreign')).stdout, 'None.\n')
})
