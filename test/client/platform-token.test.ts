import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createTokenSource, platformToken } from '../../packages/client/src/index.ts'
import { signedHeaders } from '../../packages/client/src/platform/aws-signature.ts'
import { decodeResponse, encodeRequest } from '../../packages/client/src/platform/spiffe-messages.ts'
import type { PresetName } from '../../src/domain/federation-presets.ts'
import {
  type Asked,
  awsMetadata,
  azureMetadata,
  gcpMetadata,
  githubService,
  service,
  spiffeAgent,
} from '../support/metadata-services.ts'
import { testPlatform } from '../support/platform-tokens.ts'
import { temporaryFolder } from '../support/process.ts'

const ISSUER = 'https://auth.example/realms/acme'
const tokenOf = (name: PresetName, audience = ISSUER) => testPlatform(name).token(audience, new Date())

function audienceOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()).aud
}

t.test('a platform is named as it is known, and followed by what it takes alone', async (t) => {
  for (const from of ['', 'kube', 'Kubernetes', 'constructor', 'aws:x', 'github:x', 'file', 'file:'])
    t.throws(() => platformToken(from), { name: 'TypeError' }, from)
})

t.test('GitHub’s runner is asked with its bearer, for the audience', async (t) => {
  const host = await githubService(t, 'runner', (audience) => tokenOf('github', audience))
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://${host}/idtoken/1?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner',
  }
  t.equal(audienceOf(await platformToken('github', { env })(ISSUER)), ISSUER)
  t.equal(audienceOf(await platformToken('github', { env, audience: 'api://a&b' })(ISSUER)), 'api://a&b')
  await t.rejects(platformToken('github', { env: {} })(ISSUER), /id-token: write/)
  const wrong = { ...env, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'other' }
  await t.rejects(platformToken('github', { env: wrong })(ISSUER), {
    name: 'PlatformTokenError',
    message: `GitHub at ${host} answered 401: {"message":"Unauthorized"}`,
  })
})

t.test('GitLab’s token is taken from the variable that the job has', async (t) => {
  const token = tokenOf('gitlab')
  t.equal(await platformToken('gitlab', { env: { MINTMARK_ID_TOKEN: token } })(ISSUER), token)
  t.equal(await platformToken('gitlab:OTHER', { env: { OTHER: token } })(ISSUER), token)
  await t.rejects(platformToken('gitlab', { env: {} })(ISSUER), /MINTMARK_ID_TOKEN is not set.*aud: https/)
})

t.test('a token in a file is read anew each time, and is a JWT or nothing', async (t) => {
  const path = join(temporaryFolder(t), 'token')
  const first = tokenOf('kubernetes')
  writeFileSync(path, `${first}\n`)
  for (const from of [`file:${path}`, `kubernetes:${path}`]) t.equal(await platformToken(from)(ISSUER), first)
  const get = platformToken(`file:${path}`)
  const second = tokenOf('kubernetes')
  writeFileSync(path, second)
  t.equal(await get(ISSUER), second)
  for (const [content, message] of [
    ['', /is empty/],
    ['no token', /is not a JWT/],
    ['a.b', /is not a JWT/],
  ] as const) {
    writeFileSync(path, content)
    await t.rejects(get(ISSUER), message)
  }
  await t.rejects(platformToken(`file:${path}.none`)(ISSUER), /cannot be read: ENOENT/)
  await t.rejects(platformToken('kubernetes')(ISSUER), /secrets\/mintmark\/token.*project a token there/)
})

t.test('Google’s metadata server is asked with its header, and has to say what it is', async (t) => {
  const host = await gcpMetadata(t, (audience) => tokenOf('gcp', audience))
  const get = platformToken('gcp', { env: { GCE_METADATA_HOST: host } })
  t.equal(audienceOf(await get(ISSUER)), ISSUER)
  const other = await service(t, () => ({ body: tokenOf('gcp') }))
  await t.rejects(platformToken('gcp', { env: { GCE_METADATA_HOST: other } })(ISSUER), /is not one of Google/)
})

t.test('Azure is asked for an audience that was named, in the way of the place', async (t) => {
  const imds = await azureMetadata(t, (resource) => tokenOf('azure', resource))
  const env = { AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://${imds}/` }
  const audience = 'api://mintmark'
  t.equal(audienceOf(await platformToken('azure', { env, audience })(ISSUER)), audience)
  await t.rejects(platformToken('azure', { env })(ISSUER), /Application ID URI/)

  const asked: Asked[] = []
  const endpoint = await service(t, (one) => {
    asked.push(one)
    return { body: { access_token: tokenOf('azure', audience) } }
  })
  const place = {
    IDENTITY_ENDPOINT: `http://${endpoint}/msi/token`,
    IDENTITY_HEADER: 'secret',
    AZURE_CLIENT_ID: 'c1',
  }
  await platformToken('azure', { env: place, audience })(ISSUER)
  t.equal(asked[0]?.headers['x-identity-header'], 'secret')
  t.equal(String(asked[0]?.query), 'resource=api%3A%2F%2Fmintmark&client_id=c1&api-version=2019-08-01')
})

t.test('the token that AKS projects for Entra is sent to nobody who was not named for it', async (t) => {
  const path = join(temporaryFolder(t), 'token')
  const env = { AZURE_FEDERATED_TOKEN_FILE: path }
  const entra = 'api://AzureADTokenExchange'
  writeFileSync(path, tokenOf('aks', entra))
  await t.rejects(platformToken('azure', { env })(ISSUER), /is for api:\/\/AzureADTokenExchange/)
  t.equal((await platformToken('azure', { env, audience: entra })(ISSUER)).split('.').length, 3)
  writeFileSync(path, tokenOf('aks', ISSUER))
  t.same(audienceOf(await platformToken('azure', { env })(ISSUER)), [ISSUER])
})

t.test('a request to AWS is signed as the published test of Signature Version 4', async (t) => {
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  }
  const now = new Date('2015-08-30T12:36:00Z')
  // post-x-www-form-urlencoded of the test suite.
  const scope = { region: 'us-east-1', service: 'service', now }
  const { authorization } = signedHeaders('example.amazonaws.com', 'Param1=value1', credentials, scope)
  t.equal(
    authorization,
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  )
})

/** The Security Token Service, as far as it can be told without the secret: what was asked, by whom. */
function sts(asked: Asked[]): (one: Asked) => { status?: number; body: string } {
  return (one) => {
    asked.push(one)
    const form = new URLSearchParams(one.body)
    if (form.get('Action') === 'AssumeRoleWithWebIdentity')
      return {
        body: `<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>ASIAPOD</AccessKeyId><SecretAccessKey>pod</SecretAccessKey><SessionToken>pod-session</SessionToken></Credentials></AssumeRoleWithWebIdentityResponse>`,
      }
    if (
      !/^AWS4-HMAC-SHA256 Credential=\w+\/\d{8}\/[\w-]+\/sts\/aws4_request, /.test(
        String(one.headers.authorization),
      )
    )
      return {
        status: 403,
        body: '<ErrorResponse><Error><Code>MissingAuthenticationToken</Code></Error></ErrorResponse>',
      }
    const token = tokenOf('aws', form.get('Audience.member.1') ?? '')
    return {
      body: `<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>${token}</WebIdentityToken></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>`,
    }
  }
}

t.test('AWS is asked as the role of the environment, the container, the pod or the machine', async (t) => {
  const asked: Asked[] = []
  const host = await service(t, sts(asked))
  const credentials = { AccessKeyId: 'ASIAROLE', SecretAccessKey: 's', Token: 'session' }
  const imds = await awsMetadata(t, { region: 'eu-north-1', role: 'billing', credentials })
  const container = await service(t, ({ headers, path }) =>
    headers.authorization === 'pod-identity' && path === '/v1/credentials'
      ? { body: { ...credentials, AccessKeyId: 'ASIATASK' } }
      : { status: 403, body: 'no' },
  )
  const path = join(temporaryFolder(t), 'token')
  writeFileSync(path, 'pod-identity')
  const endpoint = { AWS_ENDPOINT_URL_STS: `http://${host}` }
  const region = { AWS_REGION: 'eu-central-1' }
  for (const [env, key, session] of [
    [{ ...region, AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 's' }, 'AKIA1/', undefined],
    [
      {
        ...region,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${container}/v1/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: path,
      },
      'ASIATASK/',
      'session',
    ],
    [
      { ...region, AWS_WEB_IDENTITY_TOKEN_FILE: path, AWS_ROLE_ARN: 'arn:aws:iam::1:role/r' },
      'ASIAPOD/',
      'pod-session',
    ],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${imds}` }, 'ASIAROLE/', 'session'],
  ] as const) {
    const token = await platformToken('aws', { env: { ...endpoint, ...env } })(ISSUER)
    t.equal(audienceOf(token), ISSUER)
    const last = asked.at(-1)
    t.match(last?.headers.authorization, `Credential=${key}`)
    t.equal(last?.headers['x-amz-security-token'], session)
    t.match(last?.body, /^Action=GetWebIdentityToken&Version=2011-06-15&Audience\.member\.1=https/)
  }
  t.match(asked.at(-1)?.headers.authorization, '/eu-north-1/sts/', 'the region of the machine')
})

t.test(
  'credentials of AWS are taken from no foreign address, and a refusal says what AWS said',
  async (t) => {
    const region = { AWS_REGION: 'eu-central-1' }
    const foreign = { ...region, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://evil.example/credentials' }
    await t.rejects(platformToken('aws', { env: foreign })(ISSUER), /neither https nor an address/)
    const off = { ...region, AWS_EC2_METADATA_DISABLED: 'true' }
    await t.rejects(platformToken('aws', { env: off })(ISSUER), /no AWS credentials/)
    await t.rejects(platformToken('aws', { env: { AWS_REGION: 'x.evil.example/' } })(ISSUER), /AWS_REGION/)
    const host = await service(t, () => ({
      status: 403,
      body: '<Code>AccessDenied</Code>\n<Message>no</Message>',
    }))
    const env = {
      ...region,
      AWS_ENDPOINT_URL_STS: `http://${host}`,
      AWS_ACCESS_KEY_ID: 'AKIA1',
      AWS_SECRET_ACCESS_KEY: 'very-secret',
    }
    await t.rejects(platformToken('aws', { env })(ISSUER), {
      message: `AWS STS at ${host} answered 403: <Code>AccessDenied</Code> <Message>no</Message>`,
    })
  },
)

const SVID = testPlatform('spiffe').token(ISSUER, new Date())

/** JWTSVIDResponse with an SVID each; with a hint, and with fields that are not known yet. */
function svidResponse(...svids: readonly (readonly [id: string, token: string])[]): Buffer {
  const field = (number: number, bytes: Buffer) => {
    const { length } = bytes
    return Buffer.concat([Buffer.from([(number << 3) | 2, (length & 0x7f) | 0x80, length >> 7]), bytes])
  }
  const later = Buffer.from([0x48, 0x96, 0x01, 0x51, 0, 0, 0, 0, 0, 0, 0, 0, 0x5d, 0, 0, 0, 0])
  return Buffer.concat([
    ...svids.map(([id, token]) =>
      field(
        1,
        Buffer.concat([
          later,
          field(1, Buffer.from(id)),
          field(2, Buffer.from(token)),
          field(3, Buffer.from('hint')),
        ]),
      ),
    ),
    later,
  ])
}

t.test('a JWT-SVID is had from the agent’s socket: the one that is named, or the first', async (t) => {
  const path = join(temporaryFolder(t), 'agent.sock')
  const other = testPlatform('spiffe').token(ISSUER, new Date(), { sub: 'spiffe://example.org/other' })
  const message = svidResponse(['spiffe://example.org/billing', SVID], ['spiffe://example.org/other', other])
  const { asked } = await spiffeAgent(t, path, () => ({ message, status: 0 }))
  for (const address of [`unix://${path}`, `unix:${path}`]) {
    const env = { SPIFFE_ENDPOINT_SOCKET: address }
    t.equal(await platformToken('spiffe', { env })(ISSUER), SVID)
    t.equal(await platformToken('spiffe:spiffe://example.org/other', { env })(ISSUER), other)
  }
  t.same(asked[0], encodeRequest(ISSUER, undefined))
  t.same(asked[1], encodeRequest(ISSUER, 'spiffe://example.org/other'))
})

t.test('an agent that gives no JWT-SVID is told of in words', async (t) => {
  const folder = temporaryFolder(t)
  for (const [answer, message] of [
    [{ status: 7, reason: 'no identity issued' }, /has no identity for this process.*\(no identity issued\)/],
    [{ status: 14 }, /is not ready/],
    [{ status: 99 }, /gRPC status 99/],
    [{ message: Buffer.alloc(0), status: 0 }, /gave no JWT-SVID/],
    [{ message: Buffer.from([0x0a, 0x40, 1]), status: 0 }, /a field is cut off/],
    [{ message: svidResponse(['spiffe://a.example/b', 'x']), status: 0 }, /is not a JWT/],
  ] as const) {
    const path = join(folder, `${Math.random()}.sock`)
    await spiffeAgent(t, path, () => answer)
    await t.rejects(
      platformToken('spiffe', { env: { SPIFFE_ENDPOINT_SOCKET: `unix://${path}` } })(ISSUER),
      message,
    )
  }
  for (const [address, message] of [
    [undefined, /SPIFFE_ENDPOINT_SOCKET is not set/],
    [`unix://${folder}/none.sock`, /no answer from the SPIFFE agent.*ENOENT/],
    ['http://127.0.0.1:1', /has to be like unix/],
    ['tcp://localhost:1', /has to be like unix/],
  ] as const)
    await t.rejects(platformToken('spiffe', { env: { SPIFFE_ENDPOINT_SOCKET: address } })(ISSUER), message)
})

t.test('no bytes that an agent sends hang or crash the reader of its messages', async (t) => {
  const whole = svidResponse(['spiffe://example.org/billing', SVID])
  for (let length = 0; length < whole.length; length += 7) {
    try {
      decodeResponse(whole.subarray(0, length))
    } catch (error) {
      t.match((error as Error).message, /cut off|no known type/)
    }
  }
  t.throws(() => decodeResponse(Buffer.alloc(20, 0xff)), /cut off/)
  t.throws(() => decodeResponse(Buffer.from([0x0b])), /no known type/)
})

t.test('a token source sends the platform’s token, whichever way it is had', async (t) => {
  const forms: URLSearchParams[] = []
  const host = await service(t, ({ body }) => {
    forms.push(new URLSearchParams(body))
    return { body: { access_token: 'at', token_type: 'Bearer', expires_in: 60 } }
  })
  const issuer = `http://${host}`
  const path = join(temporaryFolder(t), 'svid')
  writeFileSync(path, SVID)
  const github = tokenOf('github')
  for (const [credential, type, token] of [
    [{ platformToken: `file:${path}` }, 'jwt-spiffe', SVID],
    [{ platformToken: async () => github, clientId: 'sa_1' }, 'jwt-bearer', github],
  ] as const) {
    t.equal(await createTokenSource({ issuer, credential }).token(), 'at')
    const form = forms.at(-1)
    t.equal(form?.get('client_assertion_type'), `urn:ietf:params:oauth:client-assertion-type:${type}`)
    t.equal(form?.get('client_assertion'), token)
    t.equal(form?.get('client_id'), 'clientId' in credential ? 'sa_1' : null)
  }
  const missing = createTokenSource({ issuer, credential: { platformToken: 'file:/none' } })
  await t.rejects(missing.token(), {
    name: 'TokenRequestError',
    message: `nothing was asked of ${issuer}: the token file /none cannot be read: ENOENT`,
    mayPass: true,
  })
  for (const credential of [
    { platformToken: 'jenkins' },
    { platformToken: 1 },
    { platformToken: 'gcp', audience: 1 },
    { platformToken: 'gcp', clientId: '' },
    { platformToken: 'gcp', clientId: 'x', clientSecret: 'y' },
  ])
    t.throws(() => createTokenSource({ issuer, credential: credential as never }), TypeError)
})
