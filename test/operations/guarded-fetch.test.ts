import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { KeySource } from '../../src/domain/key-source.ts'
import { guardedFetch, type KeyFetchSettings } from '../../src/operations/federation/guarded-fetch.ts'
import { fetchKeyDocument } from '../../src/operations/federation/key-documents.ts'
import type { KeyFetchError } from '../../src/operations/federation/key-fetch-error.ts'
import { noCertificate } from '../support/certificate.ts'
import { type Answer, jwksOf, type KeyServer, keyServer } from '../support/key-server.ts'

const LOOPBACK = ['127.0.0.0/8', '::1/128']
const SECONDS = 30_000

/** Fetches from a server that the operator allows. */
function fetchFrom(
  server: KeyServer,
  source: KeySource,
  settings: Partial<KeyFetchSettings> = {},
  milliseconds = SECONDS,
) {
  const fetch = guardedFetch({ networks: LOOPBACK, ca: server.ca || undefined, ...settings })
  return fetchKeyDocument(fetch, source, AbortSignal.timeout(milliseconds))
}

const jwks = (server: KeyServer, path = '/jwks'): KeySource => ({
  kind: 'jwks_uri',
  address: server.url + path,
})
const discovery = (server: KeyServer, path = ''): KeySource => ({
  kind: 'discovery',
  address: server.url + path,
})

async function faultOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: KeyFetchError) => error.fault ?? `${error}`,
  )
}

const skip = noCertificate()

t.test('keys over TLS', { skip }, async (t) => {
  const server = await keyServer(t)
  server.answers['/jwks'] = jwksOf('a', 'b')

  t.test('fetches keys from a server whose authority ISSUER_CA_FILE names', async (t) => {
    const { keys, skipped, freshSeconds } = await fetchFrom(server, jwks(server))
    t.same(
      keys.map(({ kid }) => kid),
      ['a', 'b'],
    )
    t.same(skipped, [])
    t.equal(freshSeconds, 300)
  })

  t.test('refuses a server whose authority is not trusted, whatever the environment says', async (t) => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    t.teardown(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    t.equal(await faultOf(fetchFrom(server, jwks(server), { ca: undefined })), 'certificate')
  })

  t.test('refuses a certificate of another name', async (t) => {
    const elsewhere = { kind: 'jwks_uri', address: `https://other.example:${server.port}/jwks` } as const
    const resolveName = async () => [{ address: '127.0.0.1', family: 4 }]
    t.equal(await faultOf(fetchFrom(server, elsewhere, { resolveName })), 'certificate')
  })

  t.test('refuses a loopback address that is not allowed', async (t) => {
    const before = server.requests.length
    t.equal(await faultOf(fetchFrom(server, jwks(server), { networks: [] })), 'network')
    t.equal(server.requests.length, before)
  })

  t.test(
    'connects to the address that was checked, though the name resolves to another one by then',
    async (t) => {
      const answers = ['127.0.0.1', '169.254.169.254', '169.254.169.254']
      let asked = 0
      const resolveName = async () => [{ address: answers[asked++] as string, family: 4 }]
      const { keys } = await fetchFrom(server, jwks(server), { resolveName })
      t.equal(keys.length, 2)
      t.equal(asked, 1)
      t.equal(await faultOf(fetchFrom(server, jwks(server), { resolveName })), 'network')
    },
  )

  t.test('refuses a name of which any address is not allowed', async (t) => {
    const resolveName = async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '169.254.169.254', family: 4 },
    ]
    t.equal(await faultOf(fetchFrom(server, jwks(server), { resolveName })), 'network')
  })

  t.test('refuses a name that has no address', async (t) => {
    t.equal(await faultOf(fetchFrom(server, jwks(server), { resolveName: async () => [] })), 'name')
    const resolveName = async () => {
      throw new Error('ENOTFOUND')
    }
    t.equal(await faultOf(fetchFrom(server, jwks(server), { resolveName })), 'name')
  })

  t.test('sends nothing of ours', async (t) => {
    await fetchFrom(server, jwks(server))
    const names = Object.keys(server.sent.at(-1) ?? {}).sort()
    t.same(names, ['accept', 'accept-encoding', 'connection', 'host'])
    t.match(server.sent.at(-1), { 'accept-encoding': 'identity' })
  })
})

t.test('documents that are refused', async (t) => {
  const server = await keyServer(t, { plain: true })
  const bytes =
    (text: string | Buffer, headers = {}): Answer =>
    (_request, response: ServerResponse) =>
      void response.writeHead(200, headers).end(text)
  const { keys } = jwksOf('a')
  const many = (count: number) => ({
    keys: Array.from({ length: count }, (_, at) => ({ ...keys[0], kid: `k${at}` })),
  })
  const big = `{"keys":[],"pad":"${'x'.repeat(256 * 1024)}"}`
  const cases: Record<string, [string, Answer]> = {
    '101 keys': ['too_many_keys', many(101)],
    'more than 256 KiB': ['size', bytes(big)],
    '10 MiB without an announced length': [
      'size',
      (_request, response) => {
        const part = Buffer.alloc(64 * 1024, 32)
        for (let at = 0; at < 160; at++) response.write(part)
        response.end('{}')
      },
    ],
    'an announced length of 10 MiB': ['size', bytes('{}', { 'content-length': 10 * 1024 * 1024 })],
    'a redirect': [
      'redirect',
      (_request, response) => void response.writeHead(302, { location: '/jwks' }).end(),
    ],
    'a permanent redirect': [
      'redirect',
      (_request, response) => void response.writeHead(308, { location: '/jwks' }).end(),
    ],
    'status 404': ['status', (_request, response) => void response.writeHead(404).end('{}')],
    'status 500': ['status', (_request, response) => void response.writeHead(500).end('{}')],
    'status 204': ['status', (_request, response) => void response.writeHead(204).end()],
    gzip: ['encoding', bytes(gzipSync('x'.repeat(1e7)), { 'content-encoding': 'gzip' })],
    'an unknown encoding': ['encoding', bytes('{}', { 'content-encoding': 'zstd' })],
    HTML: ['json', bytes('<html></html>', { 'content-type': 'text/html' })],
    'no content': ['json', bytes('')],
    'a list': ['json', bytes('[]')],
    null: ['json', bytes('null')],
    'deep nesting': ['json', bytes('['.repeat(200_000))],
    'no keys': ['no_keys', {}],
    'keys that are no list': ['no_keys', { keys: { length: 1 } }],
    'keys of which none can be read': [
      'no_readable_key',
      { keys: [{ kty: 'oct', k: 'AAAA' }, 1, null, 'x'] },
    ],
    'an answer that breaks off': [
      'connection',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{')
        setImmediate(() => response.destroy())
      },
    ],
    'a connection that is closed': ['connection', (request) => void request.socket.destroy()],
  }
  for (const [name, [fault, answer]] of Object.entries(cases))
    t.test(`refuses ${name}`, async (t) => {
      server.answers['/case'] = answer
      t.equal(await faultOf(fetchFrom(server, jwks(server, '/case'))), fault)
    })

  t.test('refuses an answer that comes byte by byte for too long, and one that never comes', async (t) => {
    server.answers['/drip'] = (_request, response) => {
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    }
    server.answers['/never'] = () => {}
    t.equal(await faultOf(fetchFrom(server, jwks(server, '/drip'), {}, 300)), 'timeout')
    t.equal(await faultOf(fetchFrom(server, jwks(server, '/never'), {}, 300)), 'timeout')
    const resolveName = () => new Promise<never>(() => {})
    const named = { kind: 'jwks_uri', address: 'https://a.example/' } as const
    t.equal(await faultOf(fetchFrom(server, named, { resolveName }, 100)), 'timeout')
  })

  t.test('refuses a server that does not speak TLS', async (t) => {
    const source = { kind: 'jwks_uri', address: `https://127.0.0.1:${server.port}/jwks` } as const
    t.equal(await faultOf(fetchFrom(server, source)), 'connection')
  })

  t.test('takes 100 keys, and leaves out those that it cannot use', async (t) => {
    server.answers['/many'] = many(100)
    t.equal((await fetchFrom(server, jwks(server, '/many'))).keys.length, 100)
    server.answers['/mixed'] = { keys: [{ kty: 'oct', k: 'AAAA' }, ...keys, { ...keys[0], use: 'enc' }] }
    const mixed = await fetchFrom(server, jwks(server, '/mixed'))
    t.same([mixed.keys.length, mixed.skipped.length], [1, 2])
    t.notMatch(JSON.stringify(mixed), /AAAA/)
  })

  t.test('takes an empty list of keys as the word of the issuer', async (t) => {
    server.answers['/empty'] = { keys: [] }
    t.same((await fetchFrom(server, jwks(server, '/empty'))).keys, [])
  })

  t.test('finds out how long keys are fresh, within a minute and a day', async (t) => {
    server.answers['/jwks'] = { keys }
    const fresh = async (control: string, more = {}) => {
      Object.assign(server.headers, { 'cache-control': control, age: '0' }, more)
      return (await fetchFrom(server, jwks(server))).freshSeconds
    }
    t.equal(await fresh('public, max-age=3600'), 3600)
    t.equal(await fresh('max-age=3600', { age: '600' }), 3000)
    t.equal(await fresh('max-age=1'), 60)
    t.equal(await fresh('max-age=31536000'), 86_400)
    t.equal(await fresh('no-store'), 60)
    t.equal(await fresh('max-age=-5'), 300)
    t.equal(await fresh('x-max-age=9999'), 300)
  })
})

t.test('discovery', async (t) => {
  const server = await keyServer(t, { plain: true })
  const document = '/.well-known/openid-configuration'
  server.answers['/jwks'] = jwksOf('a')
  const discovered = (members: object) => {
    server.answers[document] = members
    return fetchFrom(server, discovery(server))
  }

  t.test('fetches the keys that the document of that very issuer names', async (t) => {
    const { keys } = await discovered({ issuer: server.url, jwks_uri: `${server.url}/jwks` })
    t.equal(keys.length, 1)
    server.answers[`/realms/acme${document}`] = {
      issuer: `${server.url}/realms/acme/`,
      jwks_uri: `${server.url}/jwks`,
    }
    t.equal((await fetchFrom(server, discovery(server, '/realms/acme/'))).keys.length, 1)
  })

  t.test('refuses a document of another issuer', async (t) => {
    for (const issuer of [
      `${server.url}/`,
      'https://evil.example',
      server.url.toUpperCase(),
      null,
      undefined,
      [server.url],
    ])
      t.equal(await faultOf(discovered({ issuer, jwks_uri: `${server.url}/jwks` })), 'issuer', `${issuer}`)
  })

  t.test('refuses a jwks_uri that may not be fetched', async (t) => {
    const { url: issuer } = server
    const uris: [unknown, string][] = [
      ['https://169.254.169.254/latest/meta-data', 'network'],
      ['https://10.0.0.1/jwks', 'network'],
      ['https://2852039166/', 'network'],
      ['https://[::ffff:169.254.169.254]/', 'network'],
      ['http://metadata.google.internal/', 'address'],
      ['http://169.254.169.254/', 'address'],
      ['file:///etc/passwd', 'address'],
      ['/jwks', 'address'],
      [undefined, 'jwks_uri'],
      [{}, 'jwks_uri'],
    ]
    for (const [uri, fault] of uris)
      t.equal(await faultOf(discovered({ issuer, jwks_uri: uri })), fault, `${uri}`)
  })
})

t.test('bundles', async (t) => {
  const server = await keyServer(t, { plain: true })
  const source = { kind: 'spiffe_bundle', address: `${server.url}/bundle` } as const
  const [svid, other] = jwksOf('svid', 'x509').keys as [object, object]
  const keys = [
    { ...svid, use: 'jwt-svid' },
    { ...other, use: 'x509-svid' },
    { ...other, use: undefined },
  ]

  t.test('takes keys for JWT-SVIDs alone, and the time that the bundle hints at', async (t) => {
    server.answers['/bundle'] = { keys, spiffe_sequence: 1, spiffe_refresh_hint: 600 }
    const bundle = await fetchFrom(server, source)
    t.same(
      bundle.keys.map(({ kid }) => kid),
      ['svid'],
    )
    t.equal(bundle.freshSeconds, 600)
    server.answers['/bundle'] = { keys, spiffe_refresh_hint: 1 }
    t.equal((await fetchFrom(server, source)).freshSeconds, 60)
    server.answers['/bundle'] = { keys, spiffe_refresh_hint: '600' }
    t.equal((await fetchFrom(server, source)).freshSeconds, 300)
  })

  t.test('takes up to 1 MiB, as the certificates beside the keys are large', async (t) => {
    server.answers['/bundle'] = { keys, pad: 'x'.repeat(900_000) }
    t.equal((await fetchFrom(server, source)).keys.length, 1)
    server.answers['/bundle'] = { keys, pad: 'x'.repeat(1_100_000) }
    t.equal(await faultOf(fetchFrom(server, source)), 'size')
  })

  t.test('refuses a bundle without a key for JWT-SVIDs', async (t) => {
    server.answers['/bundle'] = { keys: keys.slice(1) }
    t.equal(await faultOf(fetchFrom(server, source)), 'no_readable_key')
  })
})
