import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { listens } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { writePage } from './pages.ts'
import { JAVA, missing, PEERS, setUp } from './programs.ts'
import { runPeer, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld, type World } from './world.ts'

/** An unpacked Kafka, or what the set-up fetched. */
const KAFKA_HOME = process.env['KAFKA_HOME'] ?? join(PEERS, 'kafka')
const skip = missing(JAVA, process.env['KAFKA_HOME'] ? ['Kafka', 'test', '-d', KAFKA_HOME] : setUp('kafka'))

/** A command of Kafka's, by its class. */
function kafka(allowedUrl: string, ...rest: readonly string[]): readonly string[] {
  const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${allowedUrl}`
  return ['java', '-XX:TieredStopAtLevel=1', '-Xmx512m', '-cp', join(KAFKA_HOME, 'libs/*'), allowed, ...rest]
}

/** Writes the files of the page, with the addresses and secrets of a test. */
async function configure(world: World): Promise<number> {
  const [clients, controller, brokers] = [await freePort(), await freePort(), await freePort()]
  writePage('kafka.md', world.folder)
  for (const file of ['server.properties', 'client.properties']) {
    const text = readFileSync(join(world.folder, file), 'utf8')
      .replaceAll('https://auth.example/realms/acme', world.issuer)
      .replaceAll('localhost:9092', `localhost:${clients}`)
      .replaceAll('localhost:9093', `localhost:${controller}`)
      .replaceAll('localhost:9094', `localhost:${brokers}`)
      .replace('/var/lib/kafka', join(world.folder, 'log'))
      .replace('/run/secrets/mintmark', world.folder)
      .replace('sa_…', world.clientId)
      // The test's new key signs at once, and not after five minutes.
      .replace('jwks.endpoint.refresh.ms=300000', 'jwks.endpoint.refresh.ms=1000')
    writeFileSync(join(world.folder, file), text)
  }
  return clients
}

async function startBroker(t: Test, world: World): Promise<string> {
  const port = await configure(world)
  const keys = `${world.issuer}/protocol/openid-connect/certs`
  const cwd = world.folder
  const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', 'MkU3OEVBNTcwNTJENDM2Qg']
  const formatted = await runPeer(kafka(keys, ...format, '--config', 'server.properties'), { cwd })
  if (!formatted.ok) throw new Error(formatted.output)
  await startPeer(t, kafka(keys, 'kafka.Kafka', 'server.properties'), {
    cwd,
    isReady: () => listens(port),
  })
  return `localhost:${port}`
}

function version(): string {
  const jar = readdirSync(join(KAFKA_HOME, 'libs')).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name))
  return /[\d.]+\d/.exec(jar ?? '')?.[0] ?? ''
}

t.test('Kafka lets a service account produce and consume until it is deleted', { skip }, async (t) => {
  const world = await peerWorld(t, { audiences: ['kafka'] })
  const server = await startBroker(t, world)
  const tokens = `${world.issuer}/protocol/openid-connect/token`
  const ask = (tool: string, args: readonly string[], input = '') => {
    const options = ['--bootstrap-server', server, '--command-config', 'client.properties', '--topic', 'demo']
    const command = kafka(tokens, `org.apache.kafka.tools.${tool}`, ...options, ...args)
    return runPeer(command, { cwd: world.folder, input })
  }
  const produce = (text: string) => ask('ConsoleProducer', ['--sync'], `${text}\n`)
  const consume = (count: number) =>
    ask('consumer.ConsoleConsumer', [
      '--from-beginning',
      '--max-messages',
      `${count}`,
      '--timeout-ms',
      '60000',
    ])

  t.match(await ask('TopicCommand', ['--create']), { ok: true })
  t.match(await produce('hello'), { ok: true })
  t.match((await consume(1)).output, 'hello')

  await world.rotateKeys()
  // The broker looks for new keys every second here.
  while ((await produce('again')).output.includes('SaslAuthenticationException')) await sleep(1000)
  t.match((await consume(2)).output, /hello\s+again/, 'signed by the new key')

  await world.deleteAccount()
  t.match((await produce('refused')).output, 'invalid_client')
  worksWith(t, {
    peer: 'Kafka, broker and clients',
    version: version(),
    settings: '`allowed.urls`, `expected.audience=kafka`',
    deletion: 'when its token expires',
    rotation: 'fetches the keys at its interval',
  })
})

t.test('Kafka refuses tokens of another realm', { skip }, async (t) => {
  const world = await peerWorld(t, { audiences: ['kafka'] })
  const server = await startBroker(t, world)
  const other = await peerWorld(t, { audiences: ['kafka'] })
  const file = join(world.folder, 'client.properties')
  const properties = readFileSync(file, 'utf8')
    .replaceAll(world.issuer, other.issuer)
    .replace(world.clientId, other.clientId)
    .replace(world.folder, other.folder)
  writeFileSync(file, properties)
  const command = ['--bootstrap-server', server, '--command-config', 'client.properties', '--list']
  const listed = await runPeer(
    kafka(`${other.issuer}/protocol/openid-connect/token`, 'org.apache.kafka.tools.TopicCommand', ...command),
    { cwd: world.folder },
  )
  t.notOk(listed.ok)
  t.match(listed.output, 'invalid_token')
})
