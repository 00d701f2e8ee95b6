import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import type { KeyAlgorithm } from '../../src/domain/client-key.ts'
import { type KeyPair, keyClient, keyPair } from '../support/assertion.ts'
import { mintmark } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

async function served(t: Test) {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const clock = { ...testClock(), read: () => new Date() }
  const server = await testServer(t, { publicUrl, clock })
  await server.operations.realms.create(TESTER, 'acme', { scopes: ['view', 'deploy'] })
  await server.app.listen({ port, host: 'localhost' })
  return { server, issuer: `${publicUrl}/realms/acme` }
}

type Format = (pair: KeyPair) => string

const pem =
  (type: 'pkcs8' | 'sec1' | 'pkcs1'): Format =>
  ({ privateKey }) =>
    privateKey.export({ type, format: 'pem' }) as string
const jwk =
  (more: object = {}): Format =>
  ({ privateKey }) =>
    JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...more })

const FORMATS: readonly (readonly [string, KeyAlgorithm, Format])[] = [
  ['PKCS #8 of P-256', 'ES256', pem('pkcs8')],
  ['PKCS #8 of Ed25519', 'EdDSA', pem('pkcs8')],
  ['PKCS #8 of ML-DSA', 'ML-DSA-44', pem('pkcs8')],
  ['SEC 1', 'ES384', pem('sec1')],
  ['PKCS #1', 'RS256', pem('pkcs1')],
  ['a JWK', 'ES256', jwk()],
  ['a JWK for PS256', 'PS256', jwk({ alg: 'PS256' })],
  ['a JWK with white space around it', 'EdDSA', (pair) => `\n ${jwk()(pair)}\n`],
]

t.test('token prints a token for a key of each format', async (t) => {
  const { server, issuer } = await served(t)
  const file = join(temporaryFolder(t), 'key')
  for (const [format, algorithm, write] of FORMATS) {
    const { clientId, pair } = await keyClient(server, { algorithm, name: format })
    writeFileSync(file, write(pair))
    const { code, stdout, stderr } = await mintmark(
      ['token', '--issuer', issuer, '--client-id', clientId, '--private-key', file, '--scope', 'view'],
      {},
    )
    t.equal(code, 0, `${format}: ${stderr}`)
    t.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    t.match(decodeJwt(stdout.trim()), { sub: clientId, scope: 'view', iss: issuer })
  }
})

t.test('token names the key where it is told to, and prints the whole answer as JSON', async (t) => {
  const { server, issuer } = await served(t)
  const { clientId, pair, kid } = await keyClient(server)
  const file = join(temporaryFolder(t), 'key')
  const ask = (key: string, ...more: string[]) => {
    writeFileSync(file, key)
    const args = ['token', '--issuer', `${issuer}/`, '--client-id', clientId, '--private-key', file, ...more]
    return mintmark(args, {})
  }
  const { stdout } = await ask(pem('pkcs8')(pair), '--key-id', kid, '--resource', issuer, '--json')
  t.match(JSON.parse(stdout), { token_type: 'Bearer', expires_in: 300, scope: 'view deploy' })
  t.equal((await ask(jwk({ kid })(pair))).code, 0)
  for (const [key, ...more] of [
    [pem('pkcs8')(pair), '--key-id', 'other'],
    [jwk({ kid: 'other' })(pair)],
    [pem('pkcs8')(keyPair('ES256'))],
  ] as const) {
    const refused = await ask(key, ...more)
    t.equal(refused.code, 1)
    t.equal(refused.stdout, '')
    t.equal(
      refused.stderr,
      'mintmark: the issuer answered 401 invalid_client: Client authentication failed.\n',
    )
  }
})

t.test('token reads a secret from standard input alone', async (t) => {
  const { server, issuer } = await served(t)
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', { name: 'S' })
  const args = ['token', '--issuer', issuer, '--client-id', account.clientId, '--client-secret-stdin']
  const { stdout } = await mintmark(args, {}, { input: `${clientSecret}\n` })
  t.match(decodeJwt(stdout.trim()), { sub: account.clientId })
  const wrong = await mintmark(['token', '--issuer', issuer, '--client-id', 'x', '--client-secret', 'y'], {})
  t.equal(wrong.code, 2)
  t.match(wrong.stderr, /unknown option '--client-secret'/)
})

t.test('token explains what is wrong with a key, without printing it', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'key')
  const { publicKey, privateKey } = keyPair('ES256')
  const secret = privateKey.export({ format: 'jwk' }).d as string
  const encrypted = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  })
  const rows: readonly (readonly [string, RegExp])[] = [
    ['', /neither a private key in PEM nor a JWK/],
    ['not a key', /neither a private key in PEM nor a JWK/],
    ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', /the PEM is damaged/],
    [publicKey.export({ type: 'spki', format: 'pem' }) as string, /it is a public key/],
    [encrypted as string, /the key is encrypted; decrypt it first/],
    ['{"kty":', /the JSON is damaged/],
    [JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] }), /it is a set of keys/],
    [JSON.stringify(publicKey.export({ format: 'jwk' })), /it is a public key/],
    [JSON.stringify({ ...privateKey.export({ format: 'jwk' }), x: 'AA' }), /the JWK is damaged/],
    [JSON.stringify({ kty: 'oct', k: secret, d: 'x' }), /the JWK is damaged/],
    [JSON.stringify({ ...privateKey.export({ format: 'jwk' }), alg: 'ES512' }), /not a key for RS256/],
    [
      keyPair('RS256', 1024).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      /shorter than 2048/,
    ],
  ]
  for (const [text, message] of rows) {
    writeFileSync(file, text)
    const args = [
      'token',
      '--issuer',
      'http://127.0.0.1:9/realms/acme',
      '--client-id',
      'x',
      '--private-key',
      file,
    ]
    const { code, stdout, stderr } = await mintmark(args, {})
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, message)
    t.notOk(stderr.includes(secret))
  }
})

t.test('token explains wrong arguments', async (t) => {
  const missing = join(temporaryFolder(t), 'missing')
  const hello = createServer((_request, response) => response.end('hello'))
  await new Promise<void>((resolve) => hello.listen(0, '127.0.0.1', resolve))
  t.teardown(() => hello.close())
  const other = `http://127.0.0.1:${(hello.address() as AddressInfo).port}/realms/acme`
  const key = join(temporaryFolder(t), 'key')
  writeFileSync(key, pem('pkcs8')(keyPair('ES256')))
  const local = 'http://127.0.0.1:9/realms/acme'
  for (const [args, code, message] of [
    [['--issuer', local, '--client-id', 'x'], 2, /give one of --private-key and --client-secret-stdin/],
    [
      ['--issuer', local, '--client-id', 'x', '--private-key', key, '--client-secret-stdin'],
      2,
      /give one of/,
    ],
    [['--client-id', 'x', '--private-key', key], 2, /required option '--issuer/],
    [
      ['--issuer', 'acme', '--client-id', 'x', '--private-key', key],
      1,
      /--issuer must be the http\(s\) address/,
    ],
    [['--issuer', 'http://auth.test/realms/a', '--client-id', 'x', '--client-secret-stdin'], 1, /plain HTTP/],
    [['--issuer', local, '--client-id', 'x', '--private-key', missing], 1, /the key cannot be read: ENOENT/],
    [
      ['--issuer', local, '--client-id', 'x', '--private-key', key],
      1,
      /no answer from http:\/\/127\.0\.0\.1:9/,
    ],
    [['--issuer', other, '--client-id', 'x', '--private-key', key], 1, /the issuer answered 200/],
  ] as const) {
    const ended = await mintmark(['token', ...args], {})
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.stderr, message)
  }
})

t.test('token loads nothing of the server', async (t) => {
  const program = join(import.meta.dirname, '../../src/mintmark.js')
  const args = ['--import', `data:text/javascript,${encodeURIComponent(PRINT_LOADED)}`, program, 'token']
  const given = ['--issuer', 'http://127.0.0.1:9', '--client-id', 'x', '--private-key', program]
  const ended = await promisify(execFile)(process.execPath, [...args, ...given]).catch((error) => error)
  t.match(ended.stderr, /neither a private key/)
  const loaded = (ended.stdout as string).split('\n').filter(Boolean)
  t.ok(loaded.length > 5)
  t.same(
    loaded.filter((one) =>
      /\/src\/(operations\/open|storage|http|server|embedded)|kysely|fastify|\/pg\//.test(one),
    ),
    [],
  )
})

const PRINT_LOADED = `
import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { if (url.startsWith('file:')) console.log(url); return next(url, context) } })
`
