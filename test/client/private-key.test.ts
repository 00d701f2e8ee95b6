import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { type Credential, createTokenSource } from '../../packages/client/src/index.ts'
import type { KeyAlgorithm } from '../../src/domain/client-key.ts'
import { addKey, type KeyPair, keyClient, keyPair, query } from '../support/assertion.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

async function served(t: Test) {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const server = await testServer(t, { publicUrl, clock: { ...testClock(), read: () => new Date() } })
  await server.operations.realms.create(TESTER, 'acme')
  await server.app.listen({ port, host: 'localhost' })
  return { server, issuer: `${publicUrl}/realms/acme` }
}

function pemOf({ privateKey }: KeyPair, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8'): string {
  return privateKey.export({ type, format: 'pem' }) as string
}

t.test('a token is had with a private key of each form', async (t) => {
  const { server, issuer } = await served(t)
  const forms: readonly (readonly [KeyAlgorithm, (pair: KeyPair, kid: string) => Partial<Credential>])[] = [
    ['ES256', (pair) => ({ privateKey: pemOf(pair) })],
    ['ES384', (pair, kid) => ({ privateKey: pemOf(pair, 'sec1'), keyId: kid })],
    ['RS256', (pair) => ({ privateKey: pemOf(pair, 'pkcs1') })],
    [
      'EdDSA',
      (pair, kid) => ({ privateKey: JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), kid }) }),
    ],
    [
      'PS256',
      (pair) => ({
        privateKey: JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), alg: 'PS256' }),
      }),
    ],
    ['ML-DSA-65', (pair) => ({ privateKey: pemOf(pair) })],
  ]
  for (const [algorithm, form] of forms) {
    const { clientId, pair, kid } = await keyClient(server, { algorithm, name: algorithm })
    const credential = { clientId, ...form(pair, kid) } as Credential
    const token = await createTokenSource({ issuer, credential }).token()
    t.equal(decodeJwt(token).sub, clientId, algorithm)
  }
})

t.test('the key of a file is read anew for each request, so it rotates without a restart', async (t) => {
  const { server, issuer } = await served(t)
  const { clientId, pair, kid } = await keyClient(server)
  const file = join(temporaryFolder(t), 'key.pem')
  writeFileSync(file, pemOf(pair))
  const source = createTokenSource({ issuer, credential: { clientId, privateKeyFile: file } })
  const first = await source.token()
  const next = keyPair('EdDSA')
  await addKey(server, clientId, next, { algorithm: 'EdDSA' })
  writeFileSync(file, pemOf(next))
  await query(server, 'delete from client_keys where kid = $1', [kid])
  source.drop(first)
  const second = await source.token()
  t.equal(decodeJwt(second).sub, clientId)
  t.not(second, first)
})

t.test('a private key that cannot be read is refused with the reason, without any of its text', async (t) => {
  const { privateKey, publicKey } = keyPair('ES256')
  const jwk = privateKey.export({ format: 'jwk' })
  const credentials: readonly (readonly [object, RegExp])[] = [
    [{ privateKey: '' }, /credential.privateKey is not a text/],
    [{ privateKey: 'MIIE-secret' }, /neither a private key in PEM nor a JWK/],
    [{ privateKey: '{"d":"MIIE-secret"' }, /the JSON is damaged/],
    [{ privateKey: publicKey.export({ type: 'spki', format: 'pem' }) }, /it is a public key/],
    [{ privateKey: pemOf(keyPair('ES256')).replaceAll('PRIVATE', 'ENCRYPTED PRIVATE') }, /is encrypted/],
    [{ privateKey: JSON.stringify({ ...jwk, alg: 'RS256' }) }, /not a key for RS256, PS256, ES256/],
    [{ privateKey: keyPair('ES256'), keyId: 'x' }, /is not a text/],
    [{ privateKey: pemOf({ privateKey, publicKey }), keyId: 7 }, /keyId is not a text/],
    [{ privateKey: 'x', clientSecret: 'y' }, /needs one of clientSecret, clientSecretFile, privateKey/],
    [{}, /needs one of/],
  ]
  for (const [more, message] of credentials) {
    const credential = { clientId: 'sa-1', ...more } as never
    t.throws(() => createTokenSource({ issuer: 'https://auth.test/realms/acme', credential }), message)
  }
  const file = join(temporaryFolder(t), 'key.pem')
  writeFileSync(file, 'MIIE-secret')
  const source = createTokenSource({
    issuer: 'https://auth.test/realms/acme',
    credential: { clientId: 'sa-1', privateKeyFile: file },
  })
  const error = await source.token().catch((thrown: Error) => thrown)
  t.match((error as Error).message, /neither a private key in PEM nor a JWK/)
  t.notMatch((error as Error).message, /MIIE/)
})
