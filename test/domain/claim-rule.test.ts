import t from 'tap'
import { matchesPattern } from '../../src/domain/claim-pattern.ts'
import { type ClaimRule, claimAt, holds, parseRules } from '../../src/domain/claim-rule.ts'
import { pinsOf, pinsOfToken } from '../../src/domain/workload-identity.ts'

t.test('a star of a pattern stands for one or more characters other than / and :', async (t) => {
  const cases: [pattern: string, text: string, matches: boolean][] = [
    ['repo:acme/*', 'repo:acme/api', true],
    ['repo:acme/*', 'repo:acme/', false],
    ['repo:acme/*', 'repo:acme/api:ref:refs/heads/main', false],
    ['repo:acme/*:ref:refs/heads/main', 'repo:acme/api:ref:refs/heads/main', true],
    ['repo:acme/*:ref:refs/heads/*', 'repo:acme/api:ref:refs/heads/feature/x', false],
    ['repo:acme/*', 'repo:acme-evil/api', false],
    ['repo:acme/*', 'xrepo:acme/api', false],
    ['*', 'a', true],
    ['*', '', false],
    ['**', 'a', false],
    ['**', 'ab', true],
    ['a*b*c', 'a1b2c', true],
    ['a*b*c', 'abbc', false],
    ['a*b*c', 'a1bb2c', true],
    ['*-prod', 'api-prod', true],
    ['*-prod', '-prod', false],
    ['api.*', 'apixy', false],
    ['[a-z]*', 'abc', false],
    ['*', 'a/b', false],
    ['*:*', 'a:b', true],
    ['*', '🙂', true],
  ]
  for (const [pattern, text, matches] of cases)
    t.equal(matchesPattern(pattern, text), matches, `${pattern} ${text}`)
})

t.test('no pattern makes a text slow to compare', async (t) => {
  // Backtracking into each star would take longer than the universe has been there.
  t.equal(matchesPattern(`${'*a'.repeat(250)}`, 'a'.repeat(8000).concat('b')), false)
})

t.test('a claim is an own member of a claim, never one that every object has', async (t) => {
  const claims = JSON.parse(
    '{"a":{"b":1,"__proto__":{"c":2}},"list":[{"b":1}],"kubernetes.io":{"namespace":"prod"}}',
  )
  t.equal(claimAt(claims, ['a', 'b']), 1)
  t.equal(claimAt(claims, ['kubernetes.io', 'namespace']), 'prod')
  for (const path of [
    ['a', '__proto__', 'c'],
    ['constructor'],
    ['a', 'toString'],
    ['list', '0'],
    ['list', 'length'],
    ['a', 'b', 'c'],
    ['none'],
  ])
    t.equal(claimAt(claims, path), undefined, path.join('.'))
})

t.test('a claim that is missing or of another type holds for no rule', async (t) => {
  const rule = (equals: string | number | boolean): ClaimRule => ({ claim: ['a'], equals: [equals] })
  t.ok(holds(rule(1), { a: 1 }))
  t.ok(holds(rule(false), { a: false }))
  for (const a of ['1', [1], null, true, { 1: 1 }]) t.notOk(holds(rule(1), { a }), JSON.stringify(a))
  t.notOk(holds({ claim: ['a'], matches: '*' }, { a: 1 }))
  t.notOk(holds({ claim: ['a'], matches: '*' }, { a: ['b'] }))
  t.notOk(holds(rule('undefined'), {}))
})

t.test('rules that could mean anything else than they say are refused, with the member named', async (t) => {
  const cases: [rules: unknown, field: string][] = [
    [[], 'rules'],
    ['sub', 'rules'],
    [new Array(9).fill({ claim: 'sub', equals: 'a' }), 'rules'],
    [[null], 'rules.0'],
    [[{ claim: 'sub' }], 'rules.0'],
    [[{ claim: 'sub', equals: 'a', matches: '*' }], 'rules.0'],
    [[{ claim: 'sub', equals: 'a', not: true }], 'rules.0'],
    [[{ claim: [], equals: 'a' }], 'rules.0.claim'],
    [[{ claim: ['a', 1], equals: 'a' }], 'rules.0.claim'],
    [[{ claim: '__proto__', equals: 'a' }], 'rules.0.claim'],
    [[{ claim: '', equals: 'a' }], 'rules.0.claim'],
    [[{ claim: 'a\u0000', equals: 'a' }], 'rules.0.claim'],
    [[{ claim: 'sub', equals: [] }], 'rules.0.equals'],
    [[{ claim: 'sub', equals: null }], 'rules.0.equals'],
    [[{ claim: 'sub', equals: { a: 1 } }], 'rules.0.equals'],
    [[{ claim: 'sub', equals: 2 ** 53 }], 'rules.0.equals'],
    [[{ claim: 'sub', equals: 1.5 }], 'rules.0.equals'],
    [[{ claim: 'sub', equals: '\ud800' }], 'rules.0.equals'],
    [[{ claim: 'sub', matches: 'plain' }], 'rules.0.matches'],
    [[{ claim: 'sub', matches: 1 }], 'rules.0.matches'],
  ]
  for (const [rules, field] of cases)
    t.throws(() => parseRules(rules), { code: 'invalid', field }, JSON.stringify(rules))
  t.same(parseRules([{ claim: 'sub', equals: ['a', 'a', 'b'] }]), [{ claim: ['sub'], equals: ['a', 'b'] }])
})

t.test('a workload identity pins sub, or every required claim', async (t) => {
  const required = [['repository_id'], ['kubernetes.io', 'namespace']]
  const rules = (...pairs: [string[], unknown][]) =>
    parseRules(pairs.map(([claim, equals]) => ({ claim, equals })))
  t.equal(pinsOf(rules([['sub'], ['a', 'b']]), required).length, 2)
  t.equal(
    pinsOf(
      rules(
        [['repository_id'], ['1', 1]],
        [
          ['kubernetes.io', 'namespace'],
          ['a', 'b', 'c'],
        ],
      ),
      required,
    ).length,
    6,
  )
  t.throws(() => pinsOf(rules([['repository_id'], '1']), required), { code: 'invalid', field: 'rules' })
  t.throws(() => pinsOf(rules([['kubernetes.io'], '1'], [['repository_id'], '1']), required), {
    code: 'invalid',
  })
  t.throws(() => pinsOf(rules([['other'], '1']), []), { message: /pins sub/ })
  t.throws(() => pinsOf(parseRules([{ claim: 'sub', matches: 'a*' }]), []), { message: /pins sub/ })
  const eleven = Array.from({ length: 11 }, (_, at) => String(at))
  t.throws(
    () => pinsOf(rules([['repository_id'], eleven], [['kubernetes.io', 'namespace'], eleven]), required),
    {
      message: /121 ways/,
      limit: 100,
    },
  )
})

t.test('a token is looked up by what its workload identity pins, and by nothing else', async (t) => {
  const required = [['id'], ['k', 'n']]
  const pins = (rules: unknown) => pinsOf(parseRules(rules), required)
  const byClaims = pins([
    { claim: 'id', equals: '1' },
    { claim: ['k', 'n'], equals: 'a' },
  ])
  t.ok(pinsOfToken({ sub: 'x', id: '1', k: { n: 'a' } }, required).includes(byClaims[0] as string))
  for (const claims of [{ id: 1, k: { n: 'a' } }, { id: '1', k: 'a' }, { id: '1', 'k.n': 'a' }, { id: '1' }])
    t.notOk(pinsOfToken(claims, required).includes(byClaims[0] as string), JSON.stringify(claims))
  t.same(pinsOfToken({ sub: 'x' }, required), pins([{ claim: 'sub', equals: 'x' }]))
  t.same(pinsOfToken({ sub: 1 }, required), [])
})
