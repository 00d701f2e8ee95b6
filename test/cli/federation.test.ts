import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { claimPath, equalsRule, matchesRule } from '../../src/cli/claim-arguments.ts'
import { mintmark } from '../support/command.ts'
import { testPlatform } from '../support/platform-tokens.ts'
import { onDatabase, temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

async function world(t: Test) {
  const { databaseUrl, operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', {})
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const env = onDatabase(databaseUrl)
  const run = (...args: string[]) => mintmark([...args, '--realm', 'acme'], env)
  const json = async (...args: string[]) => {
    const { stdout, stderr } = await mintmark(['--json', ...args, '--realm', 'acme'], env)
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout)
  }
  return { run, json, clientId: account.clientId }
}

const GITHUB = 'https://token.actions.githubusercontent.com'

t.test('a preset is trusted, shown, changed and deleted by the command line', async (t) => {
  const { run, json } = await world(t)
  t.match((await run('trusted-issuer', 'list')).stdout, /trusts no issuer.*trusted-issuer create/)
  const made = await json('trusted-issuer', 'create', '--preset', 'github')
  t.match(made, { issuer: GITHUB, preset: 'github', keys: { source: 'discovery' }, audiences: null })
  t.same(made.required_claims, [['repository_id'], ['repository_owner_id']])
  t.match((await run('trusted-issuer', 'list')).stdout, new RegExp(`${made.id} +${GITHUB} +github`))
  const { stdout } = await run('trusted-issuer', 'show', GITHUB)
  t.match(stdout, /a binding pins +sub, or repository_id and repository_owner_id/)
  t.match(stdout, /^! Names can be reused: pin repository_id/m)

  const changed = await json(
    ...[
      'trusted-issuer',
      'update',
      GITHUB,
      '--name',
      'Our CI',
      '--audience',
      'api://a',
      '--max-lifetime',
      '600',
    ],
    ...['--single-use', '--algorithm', 'RS256', '--disabled'],
  )
  t.match(changed, { name: 'Our CI', audiences: ['api://a'], max_lifetime_seconds: 600, single_use: true })
  t.match(changed, { algorithms: ['RS256'], enabled: false, id: made.id })
  const back = await json(
    'trusted-issuer',
    'update',
    made.id,
    '--realm-audiences',
    '--no-single-use',
    '--enabled',
  )
  t.match(back, { audiences: null, single_use: false, enabled: true, name: 'Our CI' })
  t.match(await json('trusted-issuer', 'delete', made.id, '--yes'), { deleted: true, issuer: GITHUB })
  t.same(await json('trusted-issuer', 'list'), [])
})

t.test('keys of an issuer are named in one way, and uploaded from a file', async (t) => {
  const { run, json } = await world(t)
  const file = join(temporaryFolder(t), 'jwks')
  const platform = testPlatform('spiffe')
  writeFileSync(file, JSON.stringify(platform.jwks))
  const spiffe = ['trusted-issuer', 'create', '--preset', 'spiffe', '--issuer', 'spiffe://example.org']
  t.match(await json(...spiffe, '--jwks', file), {
    keys: { source: 'jwks', jwks: { keys: [{ kid: 'spire' }] } },
  })
  t.match((await run('trusted-issuer', 'show', 'spiffe://example.org')).stdout, /keys +jwks \(1\)/)
  const both = await run(...spiffe, '--jwks', file, '--discovery')
  t.equal(both.code, 1)
  t.match(both.stderr, /Give one of --discovery, --jwks-uri, --spiffe-bundle and --jwks/)
  writeFileSync(file, 'no json')
  t.match((await run(...spiffe, '--jwks', file)).stderr, /it is not JSON/)
  t.match((await run(...spiffe, '--jwks', `${file}.none`)).stderr, /ENOENT/)
  const uri = [
    'trusted-issuer',
    'create',
    '--issuer',
    'https://a.example',
    '--jwks-uri',
    'https://a.example/keys',
  ]
  t.match(await json(...uri), { keys: { source: 'jwks_uri', jwks_uri: 'https://a.example/keys' } })
  const bundle = ['trusted-issuer', 'update', 'spiffe://example.org', '--spiffe-bundle', 'https://b.example']
  t.match(await json(...bundle), { keys: { source: 'spiffe_bundle', url: 'https://b.example' } })
  t.match(
    (await run('trusted-issuer', 'show', 'https://none.example')).stderr,
    /does not trust https:\/\/none/,
  )
})

t.test('a workload identity is added by rules, and its warnings are printed', async (t) => {
  const { run, json, clientId } = await world(t)
  const { id } = await json('trusted-issuer', 'create', '--preset', 'github')
  const add = ['workload-identity', 'add', clientId, '--issuer', GITHUB]
  const rules = ['--rule', 'repository_id=74', '--rule', 'repository_owner_id:=["65","66"]']
  const made = await json(...add, ...rules, '--match', 'ref=refs/tags/v*', '--name', 'Releases')
  t.match(made, {
    trusted_issuer: id,
    name: 'Releases',
    rules: [
      { claim: ['repository_id'], equals: '74' },
      { claim: ['repository_owner_id'], equals: ['65', '66'] },
      { claim: ['ref'], matches: 'refs/tags/v*' },
    ],
  })
  const shown = await run('workload-identity', 'show', clientId, made.id)
  t.match(shown.stdout, /rule 2 +repository_owner_id = "65" or "66"\nrule 3 +ref matches "refs\/tags\/v\*"/)
  t.match(
    (await run('workload-identity', 'list', clientId)).stdout,
    /repository_id = "74"; repository_owner_id/,
  )

  const { stdout } = await run(...add, '--rule', 'sub=repo:octo-org/octo-repo:ref:refs/heads/main')
  t.match(stdout, /^! This sub has names alone/m)
  t.match(stdout, /^! It does not count yet: mintmark service-account update .* --auth-method federated$/m)
  const loose = await run(...add, '--rule', 'repository=octo-org/octo-repo')
  t.equal(loose.code, 1)
  t.match(loose.stderr, /pins either sub or all of repository_id, repository_owner_id/)
  t.match(await json('workload-identity', 'delete', clientId, made.id, '--yes'), { deleted: true })
  t.equal((await json('workload-identity', 'list', clientId)).length, 1)
})

t.test('a claim is told as Kubernetes, jq or JSON would', async (t) => {
  for (const [text, path] of [
    ['sub', ['sub']],
    ['kubernetes.io/serviceaccount/name', ['kubernetes.io', 'serviceaccount', 'name']],
    ['google.compute_engine.zone', ['google', 'compute_engine', 'zone']],
    ['"kubernetes.io".namespace', ['kubernetes.io', 'namespace']],
    [
      '"https://sts.amazonaws.com/".principal_tags.team',
      ['https://sts.amazonaws.com/', 'principal_tags', 'team'],
    ],
    ['["a.b","c/d"]', ['a.b', 'c/d']],
  ] as const)
    t.same(claimPath(text), path, text)
  for (const text of ['', 'a..b', '.a', 'https://x/y', '"a', '[1]', '[', '{}"'])
    t.throws(() => claimPath(text), /./, text)
  t.same(equalsRule('a=b=c'), [{ claim: ['a'], equals: 'b=c' }])
  t.same(equalsRule('a:=12'), [{ claim: ['a'], equals: 12 }])
  t.same(equalsRule('"a=b".c='), [{ claim: ['a=b', 'c'], equals: '' }])
  t.same(equalsRule('["a]=", "b"]=x'), [{ claim: ['a]=', 'b'], equals: 'x' }])
  t.same(matchesRule('sub=repo:acme/*'), [{ claim: ['sub'], matches: 'repo:acme/*' }])
  for (const text of ['a', '=b', 'a:=', 'a:={']) t.throws(() => equalsRule(text), text)
  t.throws(() => matchesRule('a:=1'))
})
