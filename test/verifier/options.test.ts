import t from 'tap'
import { createVerifier, type VerifierOptions } from '../../packages/verifier/src/index.ts'

const GOOD = { issuer: 'https://auth.example/realms/acme', audience: 'https://api.example' }

t.test('all options together are accepted', async () => {
  createVerifier({
    ...GOOD,
    audience: ['a', 'b'],
    tokenType: 'JWT',
    algorithms: ['ES256'],
    clockToleranceSeconds: 0,
    maxTokenBytes: 1024,
    reachIssuerAt: 'http://mintmark:8080/realms/acme',
    allowInsecureHttp: true,
    timeoutSeconds: 1,
    keysMaxAgeSeconds: 60,
    keysCooldownSeconds: 1,
    keepKeysWhileUnreachableSeconds: 0,
    whenStatusUnavailable: 'reject',
    requireStatus: false,
    introspection: { clientId: 'a', clientSecret: 'b' },
    now: () => 0,
  })
})

const BAD: [Record<string, unknown>, RegExp][] = [
  [{ issuer: undefined }, /issuer/],
  [{ issuer: 'auth.example' }, /issuer is not an http/],
  [{ issuer: 'ftp://auth.example' }, /issuer is not an http/],
  [{ issuer: `${GOOD.issuer}/` }, /issuer has/],
  [{ issuer: `${GOOD.issuer}?x` }, /issuer has/],
  [{ issuer: 'https://user@auth.example' }, /issuer has/],
  [{ issuer: 'http://auth.example/realms/acme' }, /plain HTTP/],
  [
    { issuer: 'https://Auth.example:443/realms/acme' },
    /must be written as https:\/\/auth.example\/realms\/acme$/,
  ],
  [{ tokenType: 'jwt' }, /tokenType is neither at\+jwt nor JWT/],
  [{ audience: undefined }, /audience/],
  [{ audience: [] }, /audience/],
  [{ audience: [''] }, /audience/],
  [{ algorithms: [] }, /algorithms/],
  [{ algorithms: 'ES256' }, /algorithms/],
  [{ algorithms: ['none'] }, /none is none of/],
  [{ algorithms: ['HS256'] }, /HS256 is none of/],
  [{ clockToleranceSeconds: 61 }, /clockToleranceSeconds/],
  [{ clockToleranceSeconds: '5' }, /clockToleranceSeconds/],
  [{ maxTokenBytes: 1 }, /maxTokenBytes/],
  [{ reachIssuerAt: 'x' }, /reachIssuerAt/],
  [{ whenStatusUnavailable: 'accept' }, /whenStatusUnavailable/],
  [{ whenStatusUnavailable: null }, /whenStatusUnavailable/],
  [{ whenStatusUnavailable: { acceptForSeconds: 0 } }, /acceptForSeconds/],
  [{ requireStatus: 1 }, /requireStatus/],
  [{ allowInsecureHttp: 'yes' }, /allowInsecureHttp/],
  [{ introspection: { clientId: '', clientSecret: 'x' } }, /introspection/],
  [{ introspection: { clientId: 'x', clientSecret: 7 } }, /introspection/],
  [{ now: 7 }, /now is not a function/],
  [{ audiense: 'x' }, /audiense is not an option/],
]
for (const [options, message] of BAD)
  t.test(`refuses ${JSON.stringify(options)}`, async (t) => {
    const create = () => createVerifier({ ...GOOD, ...options } as unknown as VerifierOptions)
    t.throws(create, { name: 'TypeError', message })
  })
