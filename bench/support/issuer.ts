import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateSync } from 'node:zlib'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'

export const AUDIENCE = 'https://api.example'

export interface BenchIssuer {
  readonly url: string
  readonly publicKey: CryptoKey
  /** Returns `count` different good tokens of one account, valid for an hour. */
  tokens(amount: number): Promise<string[]>
  close(): void
}

/** Starts an issuer of ES256 tokens in this process, for benches that measure who verifies tokens. */
export async function startIssuer(listTtlSeconds: number): Promise<BenchIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }
  let url = ''
  const now = () => Math.floor(Date.now() / 1000)
  const sign = (claims: object, typ: string) =>
    new SignJWT({ iat: now(), exp: now() + 3600, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k', typ })
      .sign(privateKey)
  const uri = () => `${url}/protocol/openid-connect/status-lists/1`
  const server = createServer(async (request, response) => {
    if (request.url?.endsWith('/certs')) {
      response.end(JSON.stringify({ keys: [jwk] }))
      return
    }
    const lst = deflateSync(new Uint8Array(16_384)).toString('base64url')
    const list = { sub: uri(), ttl: listTtlSeconds, status_list: { bits: 1, lst } }
    response.end(await sign(list, 'statuslist+jwt'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/acme`
  const claims = (n: number) => ({
    iss: url,
    sub: 'sa',
    client_id: 'sa',
    aud: AUDIENCE,
    scope: 'view',
    roles: ['view'],
    jti: `${n}`,
    status: { status_list: { idx: n, uri: uri() } },
  })
  return {
    url,
    publicKey,
    tokens: (amount) => Promise.all(Array.from({ length: amount }, (_, n) => sign(claims(n), 'at+jwt'))),
    close: () => void server.close(),
  }
}
