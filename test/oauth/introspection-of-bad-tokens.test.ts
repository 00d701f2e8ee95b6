import { createHmac } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { forging } from '../support/forge.ts'
import { acme, INACTIVE, introspect } from '../support/introspection.ts'
import { PUBLIC_URL } from '../support/server.ts'

// 86 characters of base64url are 64 bytes and four bits that mean nothing: zero, where they are written as RFC 4648 wants.
const NEXT: Record<string, string> = { A: 'B', Q: 'R', g: 'h', w: 'x' }

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

t.test('introspection answers the same for everything that is not a valid token', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const forge = await forging(server)
  const header = decodeProtectedHeader(client.token)
  const claims = decodeJwt(client.token)
  const [, body, signature] = client.token.split('.') as [string, string, string]
  const jwks = (await server.app.inject('/realms/acme/protocol/openid-connect/certs')).json()
  const now = claims.iat as number

  // The forger's own key is right: what is good stays good.
  t.match(await introspect(server, resourceServer, await forge({ ...claims })), '"active":true')

  /** One signature in fifteen has no such character. */
  const goodWith = async (characters: RegExp): Promise<string> => {
    const token = await forge({ ...claims })
    return characters.test(token) ? token : goodWith(characters)
  }
  const unsigned = (alg: string) => `${encode({ ...header, alg })}.${body}.`
  const hmac = (secret: string) => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${body}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const withHeader = (more: Record<string, unknown>) =>
    `${encode({ ...header, ...more })}.${body}.${signature}`
  const bad: Record<string, string | Promise<string>> = {
    'no JWT': 'x',
    'three dots': '...',
    'alg none': unsigned('none'),
    'alg NONE': unsigned('NONE'),
    'no signature': unsigned('ES256'),
    'HMAC by the public JWK': hmac(JSON.stringify(jwks.keys[0])),
    'HMAC by the coordinate': hmac(jwks.keys[0].x),
    'a kid that is a path': withHeader({ kid: '../../../../dev/null' }),
    'a kid that is SQL': withHeader({ kid: "' or 1=1; drop table realms; --" }),
    'a kid that is no text': withHeader({ kid: { a: 1 } }),
    'no kid': forge({ ...claims }, { kid: undefined as unknown as string }),
    jku: withHeader({ jku: 'http://127.0.0.1:9/jwks' }),
    x5u: withHeader({ x5u: 'http://127.0.0.1:9/x5u' }),
    jwk: withHeader({ jwk: jwks.keys[0] }),
    'a critical extension': forge({ ...claims }, { crit: ['exp'], exp: 1 } as never).catch(() => 'x'),
    'an ID token': forge({ ...claims }, { typ: 'JWT' }),
    'a status list': forge({ ...claims }, { typ: 'statuslist+jwt' }),
    'another issuer': forge({ ...claims, iss: 'https://evil.test/realms/acme' }),
    'another realm': forge({ ...claims, iss: `${PUBLIC_URL}/realms/other` }),
    'an issuer with a slash': forge({ ...claims, iss: `${PUBLIC_URL}/realms/acme/` }),
    'an issuer that is no text': forge({ ...claims, iss: ['x'] as unknown as string }),
    'no issuer': forge({ ...claims, iss: undefined }),
    'another client': forge({ ...claims, client_id: 'nobody' }),
    'a client with NUL': forge({ ...claims, client_id: 'a\0b' }),
    'a client with half of a character': forge({ ...claims, client_id: 'a\ud800b' }),
    'a client that is no text': forge({ ...claims, client_id: { $ne: 1 } }),
    expired: forge({ ...claims, exp: now }),
    'no expiry': forge({ ...claims, exp: undefined }),
    'an expiry that is no number': forge({ ...claims, exp: '9999999999' as unknown as number }),
    'not yet valid': forge({ ...claims, nbf: now + 60 }),
    'issued in the far future': forge({ ...claims, iat: now + 86_400, exp: now + 90_000 }),
    'issued at no time': forge({ ...claims, iat: undefined }),
    'without an id': forge({ ...claims, jti: undefined }),
    'without a status': forge({ ...claims, status: undefined }),
    'a status that is no object': forge({ ...claims, status: 'good' }),
    'a status that is null': forge({ ...claims, status: null }),
    'a status list that is null': forge({ ...claims, status: { status_list: null } }),
    'a status of another list': forge({
      ...claims,
      status: { status_list: { ...(claims['status'] as { status_list: object }).status_list, uri: 'x' } },
    }),
    'deeply nested': `${encode(header)}.${encode(`${'{"a":'.repeat(1500)}1${'}'.repeat(1500)}`)}.${signature}`,
    'a claim twice': `${encode(header)}.${encode(`{"iss":"x",${JSON.stringify(claims).slice(1)}`)}.${signature}`,
    'claims that are an array': `${encode(header)}.${encode([])}.${signature}`,
    'claims that are null': `${encode(header)}.${encode('null')}.${signature}`,
    'white space behind it': `${client.token} `,
    'a line end behind it': `${client.token}\n`,
    'white space before it': ` ${client.token}`,
    'white space in its header': client.token.replace('e', 'e '),
    'white space in its claims': client.token.replace('.', '.\t'),
    'white space in its signature': `${client.token.slice(0, -5)} ${client.token.slice(-5)}`,
    'padding behind it': `${client.token}=`,
    'a character that is not of base64url': `${client.token.slice(0, -5)}*${client.token.slice(-5)}`,
    'base64 of the other alphabet': (await goodWith(/[-_]/)).replaceAll('-', '+').replaceAll('_', '/'),
    'bits of the signature that nobody reads': `${client.token.slice(0, -1)}${NEXT[client.token.at(-1) as string]}`,
    'bits of the signature changed': `${client.token.slice(0, -6)}AAAAAA`,
  }
  for (const [name, token] of Object.entries(bad))
    t.equal(await introspect(server, resourceServer, await token), INACTIVE, name)
  t.notMatch(server.log.join('\n'), '"msg":"fault"')
})
