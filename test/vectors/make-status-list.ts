import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

// Writes docs/status-list-vectors.json with new keys: `node test/vectors/make-status-list.ts`.
const now = 1_800_000_000
const issuer = 'https://auth.example/realms/acme'
const uri = `${issuer}/protocol/openid-connect/status-lists/1`
const { publicKey, privateKey } = await generateKeyPair('ES256')
const stranger = await generateKeyPair('ES256')

/** Statuses of `bits` each, the first in the lowest bits of the first byte (Token Status List section 4.1). */
function pack(bits: number, statuses: readonly number[]): string {
  const bytes = new Uint8Array(Math.ceil((statuses.length * bits) / 8))
  statuses.forEach((status, index) => {
    const at = (index * bits) >> 3
    bytes[at] = (bytes[at] as number) | (status << ((index * bits) % 8))
  })
  return deflateSync(bytes).toString('base64url')
}

function listOf(bits: number, statuses: readonly number[]) {
  return {
    name: `${bits} ${bits === 1 ? 'bit' : 'bits'} a status`,
    status_list: { bits, lst: pack(bits, statuses) },
    statuses: statuses.map((status, index) => ({ index, status })),
  }
}

const one = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
const two = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
const four = [0, 15, 1, 7, 8, 2]
const eight = [0, 255, 1, 128, 3]

async function token(
  name: string,
  expected: string,
  change: object = {},
  header: object = {},
  key = privateKey,
) {
  const claims = {
    sub: uri,
    iat: now - 5,
    exp: now + 3600,
    ttl: 10,
    status_list: { bits: 1, lst: pack(1, one) },
    ...change,
  }
  const defined = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
  const jwt = await new SignJWT(defined)
    .setProtectedHeader({ alg: 'ES256', kid: 'key-1', typ: 'statuslist+jwt', ...header })
    .sign(key)
  return { name, expected, index: 1, jwt }
}

const vectors = {
  about:
    'Test vectors for readers of status lists (Token Status List). docs/status-list-for-implementers.md explains them.',
  now,
  issuer,
  uri,
  jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }] },
  lists: [listOf(1, one), listOf(2, two), listOf(4, four), listOf(8, eight)],
  tokens: [
    await token('a good list', 'valid'),
    { ...(await token('a revoked account', 'revoked')), index: 3 },
    { ...(await token('an index beyond the list', 'refused')), index: 16 },
    { ...(await token('a negative index', 'refused')), index: -1 },
    await token('a list that has expired', 'refused', { exp: now - 1 }),
    await token('a list without an end', 'refused', { exp: undefined }),
    await token('a list from the future', 'refused', { iat: now + 3600 }),
    await token('another type', 'refused', {}, { typ: 'at+jwt' }),
    await token('no type', 'refused', {}, { typ: undefined }),
    await token('a list of another address', 'refused', { sub: uri.replace('/1', '/2') }),
    await token('a list of another issuer', 'refused', { iss: 'https://evil.example/realms/acme' }),
    await token('the signature of another key', 'refused', {}, {}, stranger.privateKey),
    await token('an unknown key', 'refused', {}, { kid: 'key-2' }, stranger.privateKey),
    await token('no list', 'refused', { status_list: undefined }),
    await token('three bits a status', 'refused', { status_list: { bits: 3, lst: pack(1, one) } }),
    await token('a list that is not compressed', 'refused', { status_list: { bits: 1, lst: 'AAAA' } }),
  ],
}
writeFileSync(
  join(import.meta.dirname, '../../docs/status-list-vectors.json'),
  `${JSON.stringify(vectors, null, 2)}\n`,
)
