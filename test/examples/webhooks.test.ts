import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { missing, PYTHON_PROGRAM, pypi } from '../peers/programs.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/webhooks.md'), 'utf8')

const programIn = (language: string) =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1] ?? ''

const RECEIVERS = [
  { language: 'js', command: [process.execPath, '--input-type=module', '-'], skip: false },
  {
    language: 'python',
    command: [PYTHON_PROGRAM, '-'],
    skip: missing(pypi('pyjwt', 'jwt'), pypi('cryptography')),
  },
] as const

for (const { language, command, skip } of RECEIVERS)
  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const)
    t.test(`the receiver of the page in ${language} takes what ${algorithm} signed for it`, { skip }, (t) =>
      checkReceiver(t, { language, command, algorithm }),
    )

interface Case {
  readonly language: string
  readonly command: readonly [string, ...string[]]
  readonly algorithm: 'ES256' | 'EdDSA' | 'RS256'
}

async function checkReceiver(t: Test, { language, command, algorithm }: Case): Promise<void> {
  const [port, own] = [await freePort(), await freePort()]
  const server = await testServer(t, {
    publicUrl: `http://127.0.0.1:${own}`,
    webhookSending: { networks: ['127.0.0.0/8'], ca: undefined },
  })
  const { webhooks, webhookDeliveries, webhookSender, realms } = server.operations
  await server.app.listen({ port: own, host: '127.0.0.1' })
  await realms.create(TESTER, 'acme', { algorithm })
  const address = `http://127.0.0.1:${port}/hook`
  const receiver = start(t, command, {
    ISSUER: `http://127.0.0.1:${own}/realms/acme`,
    ADDRESS: address,
    PORT: String(port),
  })
  receiver.child.stdin?.end(programIn(language))
  await listening(port)

  const made = await webhooks.create(TESTER, 'acme', { url: address, events: ['secret.leaked'] })
  const attempt = async (id: string, delivery?: string) => {
    const { id: sent } =
      delivery === undefined
        ? await webhookDeliveries.test(TESTER, 'acme', id)
        : await webhookDeliveries.redeliver(TESTER, 'acme', id, delivery)
    await webhookSender.sendDue()
    await webhookSender.idle()
    const { items } = await webhookDeliveries.list(TESTER, 'acme', id, { limit: 10 })
    return items.find((one) => one.id === sent)
  }
  const first = await attempt(made.id)
  t.match(first, { answered: 204 }, receiver.errors())
  t.match(await attempt(made.id, first?.id), { answered: 204 })
  t.equal(receiver.output().trim(), `ping ${first?.id}`, 'a repeated one does nothing')

  const other = await webhooks.create(TESTER, 'acme', {
    url: `${address}?for=another`,
    events: ['secret.leaked'],
  })
  t.match(await attempt(other.id), { answered: 400 }, 'what is for another address is refused')
  await realms.create(TESTER, 'other', { algorithm })
  const foreign = await webhooks.create(TESTER, 'other', { url: address, events: ['secret.leaked'] })
  await webhookDeliveries.test(TESTER, 'other', foreign.id)
  await webhookSender.sendDue()
  await webhookSender.idle()
  const { items } = await webhookDeliveries.list(TESTER, 'other', foreign.id, { limit: 1 })
  t.match(items, [{ answered: 400 }], 'another realm’s signature is refused')
  t.equal((await fetch(address, { method: 'POST', body: '{}' })).status, 400, 'so is none')
  server.clock.advance(400)
  t.match(await attempt(made.id), { answered: 400 }, 'and one of another time')
}

function start(t: Test, [program, ...args]: Case['command'], environment: Record<string, string>) {
  let [out, err] = ['', '']
  const child: ChildProcess = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...environment } })
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk
  })
  t.teardown(async () => {
    const gone = once(child, 'exit')
    child.kill()
    await gone
  })
  return { child, output: () => out, errors: () => err }
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isUp = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (isUp) return
    await sleep(50)
  }
}
