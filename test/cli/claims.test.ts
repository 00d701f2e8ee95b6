import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme'], env)

async function json(...args: string[]) {
  const { stdout, stderr, code } = await mintmark([...args, '--json'], env)
  return { ...(code === 0 ? JSON.parse(stdout) : {}), code, stderr }
}

const account = (verb: string, ...args: string[]) => json('service-account', verb, '--realm', 'acme', ...args)

t.test('claims of a realm are said by options or by a file, and removed', async (t) => {
  const said = await json(
    'realm',
    'update',
    'acme',
    '--claim',
    'tenant=acme',
    '--claim',
    'a.b:={"c":1}',
    '--claim',
    'groups@=roles',
  )
  const claims = [
    { claim: 'tenant', value: 'acme' },
    { claim: 'a.b', value: { c: 1 } },
    { claim: 'groups', from: 'roles' },
  ]
  t.same(said.claims, claims)
  const { stdout } = await mintmark(['realm', 'show', 'acme'], env)
  t.match(stdout, 'claims                   tenant=acme a.b:={"c":1} groups@=roles')
  const file = join(t.testdir(), 'claims.json')
  const full = [
    { claim: 'groups', from: 'roles', prefix: '/', as: 'string[]', audiences: ['https://api.test'] },
  ]
  writeFileSync(file, JSON.stringify(full))
  t.same((await json('realm', 'update', 'acme', '--claims', file)).claims, full)
  const piped = await mintmark(['realm', 'update', 'acme', '--claims', '-', '--json'], env, {
    input: JSON.stringify(claims),
  })
  t.same(JSON.parse(piped.stdout).claims, claims)
  t.same((await json('realm', 'update', 'acme', '--display-name', 'x')).claims, claims, 'left out, they stay')
  t.same((await json('realm', 'update', 'acme', '--no-claims')).claims, [])
  t.same((await json('realm', 'create', 'beta', '--claim', 'x=1')).claims, [{ claim: 'x', value: '1' }])
})

t.test(
  'an account has claims and metadata, and the command warns of a claim that its token is without',
  async (t) => {
    const made = await account(
      'create',
      '--name',
      'x',
      '--metadata',
      'center=four',
      '--metadata',
      'site=eu=1',
      '--claim',
      'n=1',
    )
    t.match(made, { claims: [{ claim: 'n', value: '1' }], metadata: { center: 'four', site: 'eu=1' } })
    const file = join(t.testdir(), 'claims.json')
    writeFileSync(file, JSON.stringify([{ claim: 'center', from: 'metadata.center', as: 'number' }]))
    const changed = await account('update', made.client_id, '--claims', file)
    t.equal(changed.stderr, 'The token is without the claim center: metadata.center is not a number.\n')
    const preview = await mintmark(
      ['service-account', 'preview-token', '--realm', 'acme', made.client_id],
      env,
    )
    t.match(preview.stdout, `"sub": "${made.client_id}"`)
    t.match(preview.stdout, 'without the claim center')
    t.equal((await account('update', made.client_id, '--metadata', 'center=4')).stderr, '')
    t.match(await account('preview-token', made.client_id), { claims: { center: 4 }, left_out: [] })
    t.match(await account('update', made.client_id, '--no-claims', '--no-metadata'), {
      claims: [],
      metadata: {},
    })
  },
)

t.test('claims that cannot be read or set are explained', async (t) => {
  const fails = async (code: number, text: RegExp, ...args: string[]) => {
    const ended = await mintmark(['realm', 'update', 'acme', ...args], env)
    t.equal(ended.code, code, args.join(' '))
    t.match(ended.stderr, text)
  }
  await fails(2, /It must be like tenant=acme/, '--claim', 'tenant')
  await fails(2, /is not JSON/, '--claim', 'tenant:={')
  await fails(1, /The claim sub has a meaning of its own/, '--claim', 'sub=x')
  await fails(1, /from must be one of/, '--claim', 'x@=secret')
  await fails(1, /cannot be read/, '--claims', '/nowhere')
  await fails(1, /not JSON/, '--claims', '-')
  await fails(1, /do not go together/, '--claims', '-', '--claim', 'x=1')
})
