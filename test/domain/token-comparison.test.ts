import t from 'tap'
import { type ComparedAnswer, compareAnswers, isComparedPath } from '../../src/domain/token-comparison.ts'

const answer = (claims: object, others: Partial<ComparedAnswer> = {}): ComparedAnswer => ({
  status: 200,
  response: { token_type: 'Bearer', expires_in: 300 },
  header: { alg: 'RS256', kid: 'a' },
  claims,
  ...others,
})
const pathsOf = (old: ComparedAnswer, now: ComparedAnswer, ...ignored: string[]) =>
  compareAnswers(old, now, ignored).map(({ path }) => path)

t.test('equal answers do not differ, whenever they were made', async (t) => {
  const old = answer({ iat: 1, exp: 2, jti: 'a', sub: 'x' })
  const now = answer({ iat: 5, exp: 9, jti: 'b', sub: 'x' }, { header: { alg: 'RS256', kid: 'b' } })
  t.same(pathsOf(old, now), [])
  t.same(pathsOf(answer({}), answer({}, { response: { token_type: 'Bearer', expires_in: 299 } })), [])
  t.same(pathsOf(answer({}), answer({}, { response: { token_type: 'Bearer', expires_in: 290 } })), [
    'response.expires_in',
  ])
})

t.test('lists and scopes are the same in any order, and no others', async (t) => {
  const old = answer({ aud: ['a', 'b'], realm_access: { roles: [{ x: 1 }, 'b'] }, scope: 'a b', name: 'a b' })
  const now = answer({ aud: ['b', 'a'], realm_access: { roles: ['b', { x: 1 }] }, scope: 'b a', name: 'b a' })
  t.same(pathsOf(old, now), ['claims.name'])
  t.same(pathsOf(answer({ aud: ['a', 'a'] }), answer({ aud: ['a'] })), ['claims.aud'], 'each as often')
  t.same(pathsOf(answer({ aud: 'a' }), answer({ aud: ['a'] })), ['claims.aud'], 'a text is no list')
  t.same(pathsOf(answer({ n: 1 }), answer({ n: '1' })), ['claims.n'], 'nor a number')
})

t.test('what one of the two lacks is a difference, by path', async (t) => {
  const old = answer({ tenant: { id: 7, empty: {} }, none: null })
  t.same(compareAnswers(old, answer({}), []), [
    { path: 'claims.tenant.id', old: 7, new: undefined },
    { path: 'claims.tenant.empty', old: {}, new: undefined },
    { path: 'claims.none', old: null, new: undefined },
  ])
  const refused = { status: 401, response: { error: 'invalid_client', error_description: 'x' } }
  t.same(pathsOf(refused, { status: 400, response: { error: 'invalid_client', error_description: 'y' } }), [
    'status',
  ])
  t.ok(pathsOf(answer({}), refused).includes('header.alg'))
  t.same(pathsOf({ status: 200, response: undefined }, { status: 200, response: [] }), ['response'])
})

t.test('an ignored path is ignored with all below it, and nothing beside it', async (t) => {
  const old = answer({ status: { a: 1, b: 2 }, status_code: 1 })
  t.same(pathsOf(old, answer({}), 'claims.status'), ['claims.status_code'])
})

t.test('a path begins with a part of an answer', async (t) => {
  for (const path of ['status', 'claims', 'claims.iss', 'response.error', 'header.typ'])
    t.ok(isComparedPath(path), path)
  for (const path of ['', 'iss', 'claimsx', 'body.x', 'statusx']) t.notOk(isComparedPath(path), path)
})
