import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { filesOf, writePage } from './pages.ts'
import { MAVEN, missing, setUp } from './programs.ts'
import { answersAt, runPeer, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld, type World } from './world.ts'

const PAGE = 'java.md'
const [, VERSION = ''] = /<version>([\d.]+)</.exec(filesOf(PAGE).get('client/pom.xml') ?? '') ?? []
const skip = missing(MAVEN, setUp('spring'))

let folder: string | undefined

/** Builds a project of the page, once. */
async function build(project: 'client' | 'api'): Promise<string> {
  if (folder === undefined) {
    folder = t.testdir({})
    writePage(PAGE, folder)
  }
  const jar = join(folder, project, `target/${project}-1.jar`)
  if (existsSync(jar)) return jar
  const built = await runPeer(['mvn', '-q', '-B', '-o', 'package'], { cwd: join(folder, project) })
  if (!built.ok) throw new Error(built.output)
  return jar
}

/** The API of the page, which answers at the returned address. */
async function startApi(t: Test, world: World, jar: string, env: NodeJS.ProcessEnv): Promise<string> {
  const port = String(await freePort())
  const url = `http://localhost:${port}/`
  await startPeer(t, ['java', '-XX:TieredStopAtLevel=1', '-jar', jar], {
    cwd: world.folder,
    env: { ...world.env, AUDIENCE: world.issuer, SERVER_PORT: port, ...env },
    isReady: answersAt(url),
  })
  return url
}

const ask = (url: string, token?: string) =>
  fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })

t.test(
  'Spring resource server by properties accepts tokens of the realm, and its new key',
  { skip },
  async (t) => {
    const world = await peerWorld(t, { tokenTypeHeader: 'JWT' })
    const url = await startApi(t, world, await build('api'), {})
    const answer = await ask(url, await world.token())
    t.equal(answer.status, 200)
    t.match(await answer.text(), /hello .*SCOPE_view/)
    t.equal((await ask(url)).status, 401, 'without a token')

    const other = await peerWorld(t, { tokenTypeHeader: 'JWT' })
    t.equal((await ask(url, await other.token())).status, 401, 'a token of another issuer')

    await world.rotateKeys()
    t.equal((await ask(url, await world.token())).status, 200, 'signed by the new key')
    worksWith(t, {
      peer: 'Spring Boot resource server',
      version: VERSION,
      settings: '`--token-type-header JWT`, `issuer-uri`, `audiences`',
      deletion: 'when its token expires',
      rotation: 'fetches the keys',
    })
  },
)

t.test('Spring resource server with introspection refuses a deleted account at once', { skip }, async (t) => {
  const world = await peerWorld(t)
  const introspector = await world.addAccount(['introspect'])
  const secrets = t.testdir({ secret: introspector.clientSecret })
  const url = await startApi(t, world, await build('api'), {
    SPRING_PROFILES_ACTIVE: 'introspect',
    MINTMARK_CLIENT_ID: introspector.clientId,
    SECRETS: secrets,
  })
  const token = await world.token()
  const answer = await ask(url, token)
  t.equal(answer.status, 200)
  t.match(await answer.text(), /hello .*SCOPE_view/)
  await world.rotateKeys()
  t.equal((await ask(url, await world.token())).status, 200, 'signed by the new key')
  await world.deleteAccount()
  t.equal((await ask(url, token)).status, 401)
  t.equal((await ask(url, await world.token(introspector))).status, 200, 'another account is let in')
  worksWith(t, {
    peer: 'Spring Boot resource server, opaquetoken',
    version: VERSION,
    settings: '`introspection-uri`, an account with role `introspect`',
    deletion: 'at once',
    rotation: 'not concerned',
  })
})

t.test(
  'Spring client gets a token by discovery, and none once its account is deleted',
  { skip },
  async (t) => {
    const world = await peerWorld(t, { tokenTypeHeader: 'JWT' })
    const api = await startApi(t, world, await build('api'), {})
    const command = ['java', '-XX:TieredStopAtLevel=1', '-jar', await build('client')]
    const options = { cwd: world.folder, env: { ...world.env, API_URL: api, SECRETS: world.folder } }
    t.match((await runPeer(command, options)).output, /hello .*SCOPE_view/)
    await world.rotateKeys()
    t.match((await runPeer(command, options)).output, /hello .*SCOPE_view/, 'signed by the new key')
    await world.deleteAccount()
    const refused = await runPeer(command, options)
    t.notOk(refused.ok)
    t.match(refused.output, 'invalid_client')
    worksWith(t, {
      peer: 'Spring Boot OAuth2 client',
      version: VERSION,
      settings: '`issuer-uri`, `client_credentials`',
      deletion: 'at its next token request',
      rotation: 'not concerned',
    })
  },
)
