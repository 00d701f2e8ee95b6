import t from 'tap'
import { keyPair, signAssertion } from '../support/assertion.ts'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme'], env)

const TOKEN = signAssertion(
  keyPair('ES256'),
  { alg: 'ES256' },
  { iss: 'https://ci.example/\u001b[31m', sub: 'x' },
)
const explain = (input: string, ...args: string[]) =>
  mintmark(['federation', 'explain', '--realm', 'acme', ...args], env, { input })

t.test('a token is read from standard input and explained', async (t) => {
  const { code, stdout, stderr } = await explain(`${TOKEN}\n`)
  t.same([code, stderr], [0, ''])
  t.match(stdout, /^The token is refused: the realm trusts no issuer/)
  t.match(stdout, /^ok {4}format/m)
  t.match(stdout, /^FAIL {2}issuer/m)
  t.match(stdout, /^- {5}signature/m)
  t.match(stdout, /\n\nNext: .*mintmark trusted-issuer create --realm acme/)
  t.notMatch(stdout, TOKEN.split('.')[2] as string)
  t.notMatch(stdout, '\u001b', 'nothing that a terminal would execute')
})

t.test('an explanation is the same as JSON', async (t) => {
  const { code, stdout } = await explain(TOKEN, '--client-id', 'sa_x', '--json')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { accepted: false, reason: 'issuer_unknown', claims: { sub: 'x' } })
})

t.test('an empty standard input is refused', async (t) => {
  const { code, stdout, stderr } = await explain(' \n')
  t.not(code, 0)
  t.equal(stdout, '')
  t.match(stderr, /Standard input is empty/)
})
