import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { ConfigError, loadConfig } from '../src/config.ts'
import { noCertificate, writeCertificate } from './support/certificate.ts'
import { temporaryFolder } from './support/process.ts'

const KEY = Buffer.alloc(32, 1).toString('base64url')
const OTHER = Buffer.alloc(32, 2).toString('base64url')
const SECRET = 'correct horse battery'

/** The faults that are found in it. */
function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    return (error as ConfigError).faults
  }
}

t.test('nothing needs to be set', async (t) => {
  t.match(loadConfig({}), {
    host: '127.0.0.1',
    port: 8080,
    publicUrl: 'http://localhost:8080',
    databaseUrl: undefined,
    dataDir: resolve('.mintmark'),
    masterKeys: undefined,
    workers: 1,
    logLevel: 'info',
    trustProxy: 0,
    bootstrapAdmin: undefined,
  })
})

t.test('everything can be set', async (t) => {
  const config = loadConfig({
    HOST: '::',
    PORT: '0',
    PUBLIC_URL: 'https://auth.example.com/base/',
    DOCS_URL: 'https://docs.example.com/mintmark/',
    DATABASE_URL: 'postgres://user:p%40ss@db/mintmark',
    DATA_DIR: '/data',
    MASTER_KEY: `${KEY},${OTHER}`,
    WORKERS: '4',
    LOG_LEVEL: 'debug',
    TRUST_PROXY: '1',
    BOOTSTRAP_ADMIN_CLIENT_ID: 'admin',
    BOOTSTRAP_ADMIN_CLIENT_SECRET: SECRET,
  })
  t.match(config, {
    host: '::',
    port: 0,
    publicUrl: 'https://auth.example.com/base',
    docsUrl: 'https://docs.example.com/mintmark',
    databaseUrl: 'postgres://user:p%40ss@db/mintmark',
    dataDir: '/data',
    masterKeys: [KEY, OTHER],
    workers: 4,
    logLevel: 'debug',
    trustProxy: 1,
    bootstrapAdmin: { clientId: 'admin', clientSecret: SECRET },
  })
  t.throws(() => Object.assign(config, { port: 1 }), TypeError)
})

t.test('an IPv6 address to listen on may stand in brackets, as in a URL', async (t) => {
  for (const HOST of ['::1', '[::1]']) t.equal(loadConfig({ HOST }).host, '::1')
})

t.test('a variable that is empty counts as one that is not set', async (t) => {
  t.same(loadConfig({ PORT: '', DATABASE_URL: ' ', MASTER_KEY_FILE: '' }), loadConfig({}))
})

t.test('all faults are reported at once, by variable name', async (t) => {
  const faults = faultsOf({
    PORT: '65536',
    PUBLIC_URL: 'ftp://x',
    DATABASE_URL: 'mysql://x',
    WORKERS: '0',
    LOG_LEVEL: 'loud',
    TRUST_PROXY: 'proxy.local',
    BOOTSTRAP_ADMIN_CLIENT_ID: 'root',
  })
  const names = faults.map((fault) => fault.split(' ')[0])
  const wanted = ['PORT', 'PUBLIC_URL', 'DATABASE_URL', 'MASTER_KEY', 'WORKERS', 'LOG_LEVEL', 'TRUST_PROXY']
  t.same(names.sort(), [...wanted, 'BOOTSTRAP_ADMIN_CLIENT_SECRET'].sort())
  t.equal(new ConfigError(faults).message, faults.join('\n'))
})

t.test('each variable has its bounds', async (t) => {
  const faulty: [string, string[]][] = [
    ['PORT', ['-1', '8e3', '99999']],
    ['WORKERS', ['257', 'auto']],
    ['DOCS_URL', ['docs', 'javascript:alert(1)', 'https://u:p@a', 'https://a/#x', 'https://a/?x']],
    [
      'PUBLIC_URL',
      [
        'auth.example.com',
        'https://a/?x',
        'https://a/#x',
        'https://u@a',
        'https://a/ b',
        'https://ä',
        'https://a:443',
        'https://A',
        'https://a/b/../c',
      ],
    ],
    ['DATABASE_URL', ['postgres:/x', 'postgresql://a b']],
    [
      'TRUST_PROXY',
      [
        '10.0.0.0/33',
        '::/129',
        '10.0.0.0/',
        'yes',
        'true',
        '17',
        '0.0.0.0/0',
        '::/0',
        '1,10.0.0.0/8',
        'toString',
        '10.0.0.1%x',
      ],
    ],
    ['LOG_LEVEL', ['INFO']],
    ['FAILED_ATTEMPTS_STORE', ['redis']],
    ['METRICS_TOKEN', ['short', 'with a space in it']],
    ['MASTER_KEY', ['short', KEY.slice(1), `${KEY}x`, `${KEY.slice(0, -1)}B`, ',']],
  ]
  for (const [name, values] of faulty) {
    for (const value of values)
      t.match(faultsOf({ MASTER_KEY: KEY, [name]: value }).join(), new RegExp(`^${name} `), value)
  }
  for (const value of ['loopback', '10.0.0.0/8, 192.168.0.1', '2001:db8::/32', 'false'])
    t.same(faultsOf({ TRUST_PROXY: value }), [], value)
  t.same(loadConfig({ TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy, ['10.0.0.0/8', '::1/128'])
})

t.test('the master key may be in a file, several of them one a line', async (t) => {
  const file = join(temporaryFolder(t), 'key')
  writeFileSync(file, `${KEY}\n${OTHER}\n`)
  t.same(loadConfig({ MASTER_KEY_FILE: file }).masterKeys, [KEY, OTHER])
  t.match(faultsOf({ MASTER_KEY_FILE: file, MASTER_KEY: KEY }), [/both set/])
  t.same(faultsOf({ MASTER_KEY_FILE: `${file}.none` }), ['MASTER_KEY_FILE cannot be read: ENOENT'])
  writeFileSync(file, 'no key')
  t.match(faultsOf({ MASTER_KEY_FILE: file }), [/^MASTER_KEY_FILE must hold keys/])
})

t.test('a database of its own needs a master key of its own, and is told how to make one', async (t) => {
  const [fault] = faultsOf({ DATABASE_URL: 'postgresql://db/mintmark' })
  const command = /node -p "(.*)"/.exec(fault as string)?.[1] as string
  t.equal(command, "require('crypto').randomBytes(32).toString('base64url')")
})

t.test('no fault repeats a secret', async (t) => {
  const faults = faultsOf({
    DATABASE_URL: `mysql://u:${SECRET}@x`,
    MASTER_KEY: SECRET,
    PUBLIC_URL: `https://u:${SECRET}@x`,
    BOOTSTRAP_ADMIN_CLIENT_SECRET: SECRET,
  })
  t.equal(faults.length, 4)
  t.notMatch(faults.join(), SECRET)
})

t.test('the first administrator has credentials that could be anyone’s, both or none', async (t) => {
  const admin = (id: string, secret: string) =>
    faultsOf({ BOOTSTRAP_ADMIN_CLIENT_ID: id, BOOTSTRAP_ADMIN_CLIENT_SECRET: secret })
  t.match(admin('', SECRET), [/^BOOTSTRAP_ADMIN_CLIENT_ID is needed/])
  for (const id of ['a b', '.', '..']) t.match(admin(id, SECRET), [/^BOOTSTRAP_ADMIN_CLIENT_ID must have/])
  t.match(admin('root', 'seven77'), [/^BOOTSTRAP_ADMIN_CLIENT_SECRET must have/])
})

t.test('TRUST_PROXY trusts a number of proxies or their networks, and never everyone', async (t) => {
  for (const everyone of ['true', '0.0.0.0/0', '10.0.0.0/8, ::/0'])
    t.match(faultsOf({ TRUST_PROXY: everyone }), [
      /^TRUST_PROXY may not trust everyone.*\(1\).*\(10\.0\.0\.0\/8\)$/,
    ])
  t.equal(loadConfig({ TRUST_PROXY: '2' }).trustProxy, 2)
  t.equal(loadConfig({ TRUST_PROXY: '0' }).trustProxy, 0)
  t.same(loadConfig({ TRUST_PROXY: 'loopback,192.0.2.1' }).trustProxy, [
    '127.0.0.0/8',
    '::1/128',
    '192.0.2.1/32',
  ])
})

t.test('a standby to read stands beside its primary', async (t) => {
  const own = { DATABASE_URL: 'postgres://db/mintmark', MASTER_KEY: KEY }
  const DATABASE_READ_URL = 'postgres://standby/mintmark'
  t.equal(loadConfig(own).readReplica, undefined)
  t.same(loadConfig({ ...own, DATABASE_READ_URL }).readReplica, { url: DATABASE_READ_URL, maxLagSeconds: 2 })
  t.equal(loadConfig({ ...own, DATABASE_READ_URL, MAX_REPLICA_LAG: '1.5' }).readReplica?.maxLagSeconds, 1.5)
  t.match(faultsOf({ DATABASE_READ_URL }), [/^DATABASE_READ_URL needs DATABASE_URL: /])
  t.match(faultsOf({ ...own, DATABASE_READ_URL: 'postgres://a,b/mintmark' }), [
    /^DATABASE_READ_URL names several/,
  ])
  for (const MAX_REPLICA_LAG of ['0', '0.9', '3.1', '-1', '1e1', 'soon', '1.', '.'])
    t.match(faultsOf({ ...own, MAX_REPLICA_LAG }), [
      /^MAX_REPLICA_LAG must be a number of seconds from 1 to 3$/,
    ])
})

t.test('each secret may be in a file, or in its variable, and not in both', async (t) => {
  const file = join(temporaryFolder(t), 'secret')
  const admin = { BOOTSTRAP_ADMIN_CLIENT_ID: 'root', BOOTSTRAP_ADMIN_CLIENT_SECRET: SECRET }
  const values = {
    DATABASE_URL: 'postgres://u:p@db/mintmark',
    DATABASE_READ_URL: 'postgres://u:p@standby/mintmark',
    MASTER_KEY: KEY,
    METRICS_TOKEN: 'metrics-token-of-the-operator',
    ...admin,
  }
  for (const name of [
    'DATABASE_URL',
    'DATABASE_READ_URL',
    'MASTER_KEY',
    'METRICS_TOKEN',
    'BOOTSTRAP_ADMIN_CLIENT_SECRET',
  ] as const) {
    writeFileSync(file, `${values[name]}\n`)
    const env = { ...values, [name]: '', [`${name}_FILE`]: file }
    t.same(loadConfig(env), loadConfig(values), name)
    t.match(faultsOf({ ...values, [`${name}_FILE`]: file })[0], `${name} and ${name}_FILE are both set`)
    t.match(faultsOf({ ...env, [`${name}_FILE`]: '/none' })[0], `${name}_FILE cannot be read: ENOENT`)
    writeFileSync(file, ' \n')
    t.match(faultsOf(env)[0], `${name}_FILE names an empty file`)
  }
})

t.test('addresses of libpq are taken, of one host', async (t) => {
  const faults = (DATABASE_URL: string) => faultsOf({ MASTER_KEY: KEY, DATABASE_URL })
  for (const url of [
    'postgresql://u:p@/db?host=/cloudsql/a:b:c',
    'postgresql:///db?host=/run/postgresql',
    'postgres://u@/db?host=/run/postgresql&port=5433',
    'postgres://u:p%40x@db:5433/mintmark?options=-c%20search_path%3Dauth',
    'postgres://[::1]:5432/db?sslmode=verify-full',
    'postgres://u:a,b@db/mintmark',
  ])
    t.same(faults(url), [], url)
  for (const [url, how] of [
    ['postgres://u:p@h1,h2/db', /^DATABASE_URL names several hosts; name one/],
    ['postgresql://h1:5432,h2:5433/db?target_session_attrs=read-write', /^DATABASE_URL names several hosts/],
    ['postgres://u:p@/db?host=h1,h2', /^DATABASE_URL names several hosts/],
    ['postgres://u:p/w@db/mintmark', /^DATABASE_URL is malformed \(percent-encode/],
    ['postgres://db/m?sslmode=on', /^DATABASE_URL has an unknown sslmode; use one of disable, /],
    [
      'postgres://db/m?sslmode=verify-full&sslrootcert=/none.pem',
      /^DATABASE_URL names a file in sslrootcert .*ENOENT/,
    ],
  ] as const)
    t.match(faults(url), [how], url)
})

t.test('only variables of OpenTelemetry’s specification ask for traces', async (t) => {
  for (const name of [
    'OTEL_COLLECTOR_PORT',
    'OTEL_COLLECTOR_SERVICE_HOST',
    'OTEL_EXPORTER_OTLP_PORT',
    'OTEL_EXPORTER_OTLP_SERVICE_HOST',
    'OTEL_PORT_4317_TCP_ADDR',
    'OTEL_SERVICE_PORT',
    'OTEL_TRACES_PORT',
  ])
    t.equal(loadConfig({ [name]: 'tcp://10.0.0.9:4317' }).tracing, false, name)
  for (const name of [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
    'OTEL_SERVICE_NAME',
  ])
    t.equal(loadConfig({ [name]: 'x' }).tracing, true, name)
})

t.test(
  'several workers count failed authentications together, unless the environment says otherwise',
  async (t) => {
    const store = (env: Record<string, string>) => loadConfig(env).failedAttemptsStore
    t.equal(store({}), 'memory')
    t.equal(store({ WORKERS: '2' }), 'postgres')
    t.equal(store({ WORKERS: '2', FAILED_ATTEMPTS_STORE: 'memory' }), 'memory')
    t.equal(store({ FAILED_ATTEMPTS_STORE: 'postgres' }), 'postgres')
  },
)

t.test(
  'ISSUER_NETWORKS are private networks, and ISSUER_CA_FILE holds certificates',
  { skip: noCertificate() },
  async (t) => {
    t.match(loadConfig({}), { keyFetching: { networks: [], ca: undefined } })
    const folder = temporaryFolder(t)
    const certificate = writeCertificate(folder).toString()
    t.match(
      loadConfig({
        ISSUER_NETWORKS: '10.20.0.0/16, fd12::/32,loopback',
        ISSUER_CA_FILE: join(folder, 'tls.crt'),
      }),
      {
        keyFetching: { networks: ['10.20.0.0/16', 'fd12::/32', '127.0.0.0/8', '::1/128'], ca: certificate },
      },
    )
    for (const text of ['0.0.0.0/0', '::/0', 'example.com', '10.0.0.0/33', '10.0.0', ','])
      t.match(faultsOf({ ISSUER_NETWORKS: text }), [/^ISSUER_NETWORKS m/], text)
    writeFileSync(join(folder, 'broken.pem'), certificate.replace('MII', 'MI'))
    for (const file of ['none.pem', 'tls.key', 'broken.pem'])
      t.match(faultsOf({ ISSUER_CA_FILE: join(folder, file) }), [/^ISSUER_CA_FILE /], file)
  },
)
