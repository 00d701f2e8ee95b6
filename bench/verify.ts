import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateSync } from 'node:zlib'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { createVerifier } from '../packages/verifier/src/index.ts'
import type { BenchContext } from './support/bench.ts'
import { alternate, ratio, spread } from './support/measure.ts'
import { type Report, show } from './support/report.ts'

const TOKENS = 4000
const AUDIENCE = 'https://api.example'

/** The verifier with both of its caches warm, beside `jwtVerify` of jose with the key at hand. */
export async function run({ options, say }: BenchContext): Promise<Report> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }
  let issuer = ''
  const now = () => Math.floor(Date.now() / 1000)
  const sign = (claims: object, typ: string) =>
    new SignJWT({ iat: now(), exp: now() + 3600, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k', typ })
      .sign(privateKey)
  const uri = () => `${issuer}/protocol/openid-connect/status-lists/1`
  const server = createServer(async (request, response) => {
    if (request.url?.endsWith('/certs')) return response.end(JSON.stringify({ keys: [jwk] }))
    const lst = deflateSync(new Uint8Array(16_384)).toString('base64url')
    response.end(await sign({ sub: uri(), ttl: 3600, status_list: { bits: 1, lst } }, 'statuslist+jwt'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/acme`

  const tokens = await Promise.all(
    Array.from({ length: TOKENS }, (_, n) =>
      sign(
        {
          iss: issuer,
          sub: 'sa',
          client_id: 'sa',
          aud: AUDIENCE,
          scope: 'view',
          roles: ['view'],
          jti: `${n}`,
          status: { status_list: { idx: n, uri: uri() } },
        },
        'at+jwt',
      ),
    ),
  )
  const verifier = createVerifier({ issuer, audience: AUDIENCE })
  const rules = { issuer, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'] }
  const time = (name: string, verify: (token: string) => Promise<unknown>) => async () => {
    const start = process.cpuUsage()
    for (const token of tokens) await verify(token)
    const { user, system } = process.cpuUsage(start)
    const microseconds = (user + system) / TOKENS
    say(`  ${name} ${microseconds.toFixed(1)} µs`)
    return microseconds
  }
  try {
    const { ours, jose } = await alternate(
      {
        ours: time('verifier', verifier.verify),
        jose: time('jose', (token) => jwtVerify(token, publicKey, rules)),
      },
      Math.max(options.rounds, 9),
    )
    return {
      title:
        'CPU of one good ES256 token: the verifier with keys and status list at hand, beside jose alone.',
      targets: [{ what: 'verifier ÷ jose.jwtVerify', wanted: '≤ 1.3', found: ratio(ours, jose) }],
      table: [
        ['', 'CPU µs a token'],
        ['verifier', show(spread(ours), 1)],
        ['jose.jwtVerify', show(spread(jose), 1)],
      ],
    }
  } finally {
    server.close()
  }
}
