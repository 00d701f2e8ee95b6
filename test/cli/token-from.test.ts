import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mintmark } from '../support/command.ts'
import {
  type Answered,
  gcpMetadata,
  githubService,
  service,
  spiffeAgent,
} from '../support/metadata-services.ts'
import { testPlatform } from '../support/platform-tokens.ts'
import { launch, temporaryFolder } from '../support/process.ts'

const GRANTED = { access_token: 'e30.e30.c2ln', token_type: 'Bearer', expires_in: 300, scope: 'view' }

/** A token endpoint that notes the forms it gets. */
async function issuer(t: Test, answer: (count: number) => Answered = () => ({ body: GRANTED })) {
  const forms: Record<string, string>[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const host = await service(t, ({ path, body }) => {
    if (path !== '/realms/acme/protocol/openid-connect/token') return { status: 404, body: '' }
    forms.push(Object.fromEntries(new URLSearchParams(body)))
    for (const { count, resolve } of waiting) if (forms.length >= count) resolve()
    return answer(forms.length)
  })
  const asked = (count: number) =>
    new Promise<void>((resolve) => {
      if (forms.length >= count) resolve()
      else waiting.push({ count, resolve })
    })
  return { url: `http://${host}/realms/acme`, forms, asked }
}

const BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

t.test('token exchanges what the platform gives, with no secret and no client_id', async (t) => {
  const { url, forms } = await issuer(t)
  const tokens: Record<string, string> = {}
  const give = (name: 'gcp' | 'github') => (audience: string) => {
    tokens[name] = testPlatform(name).token(audience, new Date())
    return tokens[name] as string
  }
  const runner = await githubService(t, 'runner', give('github'))
  const env = {
    GCE_METADATA_HOST: await gcpMetadata(t, give('gcp')),
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://${runner}/?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner',
  }
  for (const name of ['gcp', 'github'] as const) {
    const { code, stdout, stderr } = await mintmark(['token', '--from', name, '--issuer', `${url}/`], env)
    t.equal(stderr, '')
    t.equal(code, 0)
    t.equal(stdout, `${GRANTED.access_token}\n`)
    t.same(forms.at(-1), {
      grant_type: 'client_credentials',
      client_assertion_type: BEARER,
      client_assertion: tokens[name],
    })
  }
  const more = [
    '--client-id',
    'sa_1',
    '--scope',
    'view',
    '--resource',
    'https://api.example',
    '--audience',
    'api://x',
  ]
  const { stdout } = await mintmark(['--json', 'token', '--from', 'gcp', '--issuer', url, ...more], env)
  t.same(JSON.parse(stdout), GRANTED)
  t.match(forms.at(-1), { client_id: 'sa_1', scope: 'view', resource: 'https://api.example' })
  const [, claims = ''] = tokens['gcp']?.split('.') ?? []
  t.equal(JSON.parse(Buffer.from(claims, 'base64url').toString()).aud, 'api://x')
})

t.test('token prints what the platform gives, to have it explained', async (t) => {
  const platform = testPlatform('gcp')
  const env = { GCE_METADATA_HOST: await gcpMetadata(t, (audience) => platform.token(audience, new Date())) }
  const args = ['token', '--from', 'gcp', '--issuer', 'https://auth.example/realms/acme/', '--platform-token']
  const { stdout, code } = await mintmark(args, env)
  t.equal(code, 0)
  const claims = JSON.parse(Buffer.from(stdout.split('.')[1] as string, 'base64url').toString())
  t.equal(claims.aud, 'https://auth.example/realms/acme')
  const json = await mintmark(['--json', ...args, '--audience', 'api://x'], env)
  t.match(JSON.parse(json.stdout), { platform_token: /^eyJ/ })
})

t.test('token sends a JWT-SVID under its own assertion type', async (t) => {
  const { url, forms } = await issuer(t)
  const svid = testPlatform('spiffe').token(url, new Date())
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'svid'), svid)
  await mintmark(['token', '--from', `file:${folder}/svid`, '--issuer', url], {})
  await spiffeAgent(t, join(folder, 'agent.sock'), () => ({ status: 7 }))
  const refused = await mintmark(['token', '--from', 'spiffe', '--issuer', url], {
    SPIFFE_ENDPOINT_SOCKET: `unix://${folder}/agent.sock`,
  })
  t.equal(refused.code, 1)
  t.match(refused.stderr, /^mintmark: the SPIFFE agent refused: it has no identity for this process/)
  t.same(
    forms.map((form) => form['client_assertion_type']),
    ['urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'],
  )
})

t.test('token explains wrong options for authentication', async (t) => {
  const local = 'http://127.0.0.1:9/realms/acme'
  for (const [args, code, message] of [
    [['--issuer', local], 2, /give one of --private-key and --client-secret-stdin, or --from/],
    [['--issuer', local, '--from', 'gcp', '--client-secret-stdin'], 2, /give one of/],
    [['--issuer', local, '--client-secret-stdin'], 2, /required option '--client-id/],
    [
      ['--issuer', local, '--client-secret-stdin', '--client-id', 'x', '--audience', 'y'],
      2,
      /--audience and --platform-token go/,
    ],
    [
      ['--issuer', local, '--from', 'jenkins'],
      1,
      /there is no platform "jenkins"; there are kubernetes, github/,
    ],
    [['--issuer', local, '--from', 'file:/none'], 1, /\/none cannot be read: ENOENT/],
    [
      ['--issuer', 'http://auth.test/realms/a', '--from', 'file:/none'],
      1,
      /plain HTTP would show the token of the platform/,
    ],
    [['--issuer', local, '--from', 'file:/none', '--watch', '/none/token'], 1, /\/none: ENOENT/],
  ] as const) {
    const ended = await mintmark(['token', ...args], {})
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.stderr, message)
    t.equal(ended.stdout, '')
  }
})

t.test('token keeps a file fresh until it is told to stop, through failures of the issuer', async (t) => {
  const folder = temporaryFolder(t)
  const [source, file] = [join(folder, 'platform'), join(folder, 'token')]
  writeFileSync(source, testPlatform('kubernetes').token('x', new Date()))
  const { url, asked } = await issuer(t, (count) =>
    count === 2
      ? { status: 503, headers: { 'retry-after': '0' }, body: { error: 'temporarily_unavailable' } }
      : { body: { ...GRANTED, access_token: `token-${count}`, expires_in: 1 } },
  )
  const args = ['token', '--from', `kubernetes:${source}`, '--issuer', url, '--watch', file]
  const { child, ended } = launch(args, {})
  await asked(5)
  // What was asked for the fifth time may not be written yet; the fourth is.
  t.match(readFileSync(file, 'utf8'), /^token-[45]$/)
  t.equal(statSync(file).mode & 0o777, 0o600)
  child.kill('SIGTERM')
  const { code, stdout, stderr } = await ended
  t.equal(code, 0)
  t.equal(stdout, '')
  t.match(stderr, /no new token: the issuer answered 503 temporarily_unavailable.*Next attempt in 1 s\./)
  t.match(stderr, new RegExp(`wrote ${file}, good until 20`))
  t.notMatch(stderr, /token-\d/)
  t.same(readdirSync(folder).sort(), ['platform', 'token'], 'no draft is left')
})

t.test('token leaves the old token in the file while the platform is down', async (t) => {
  const folder = temporaryFolder(t)
  const [source, file] = [join(folder, 'platform'), join(folder, 'token')]
  const { url, forms } = await issuer(t)
  writeFileSync(file, 'old', { mode: 0o644 })
  const args = ['token', '--from', `file:${source}`, '--issuer', url, '--watch', file]
  const { child, ended, output } = launch(args, {})
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', () => output().stderr.split('\n').length > 2 && resolve())
  })
  t.equal(readFileSync(file, 'utf8'), 'old')
  writeFileSync(source, testPlatform('kubernetes').token('x', new Date()))
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', () => /wrote/.test(output().stderr) && resolve())
  })
  t.equal(readFileSync(file, 'utf8'), GRANTED.access_token)
  t.equal(statSync(file).mode & 0o777, 0o600)
  child.kill('SIGINT')
  t.equal((await ended).code, 0)
  t.equal(forms.length, 1)
})
