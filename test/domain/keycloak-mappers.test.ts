import t from 'tap'
import { mappedParts } from '../../src/domain/keycloak-mappers.ts'

const mapped = (...mappers: readonly (readonly [kind: string, config: Record<string, string>])[]) => {
  const left: string[] = []
  const all = mappers.map(([kind, config], at) => ({ name: `m${at}`, kind, config }))
  return { ...mappedParts(all, (reason) => void left.push(reason)), left }
}
const hardcoded = (claim: string, value: string, type?: string, more = {}) =>
  [
    'oidc-hardcoded-claim-mapper',
    { 'claim.name': claim, 'claim.value': value, ...(type && { 'jsonType.label': type }), ...more },
  ] as const
const note = (claim: string, from: string) =>
  ['oidc-usersessionmodel-note-mapper', { 'claim.name': claim, 'user.session.note': from }] as const

t.test('hardcoded claims become claims of the account, by their type', async (t) => {
  const { claims, left } = mapped(
    hardcoded('a', 'x'),
    hardcoded('b.c', '7', 'int'),
    hardcoded('b.d', '7000000000', 'long'),
    hardcoded('e', 'true', 'boolean'),
    hardcoded('f', '{"x":[1]}', 'JSON'),
    hardcoded('id-token-only', 'x', 'String', { 'access.token.claim': 'false' }),
  )
  t.same(claims, [
    { claim: 'a', value: 'x' },
    { claim: 'b.c', value: 7 },
    { claim: 'b.d', value: 7_000_000_000 },
    { claim: 'e', value: true },
    { claim: 'f', value: { x: [1] } },
  ])
  t.same(left, [])
})

t.test('a hardcoded claim that cannot be here is left with the reason', async (t) => {
  const many = Array.from({ length: 33 }, (_, n) => hardcoded(`c${n}`, 'x'))
  for (const [mapper, told] of [
    [hardcoded('sub', 'x'), /sub/],
    [hardcoded('roles.x', 'x'), /roles/],
    [hardcoded('n', 'x', 'int'), /its value is no int/],
    [hardcoded('n', '"7"', 'long'), /no long/],
    [hardcoded('n', '1', 'boolean'), /no boolean/],
    [hardcoded('n', '{', 'JSON'), /no JSON/],
    [hardcoded('', 'x'), /names no claim/],
    [hardcoded('big', 'x'.repeat(2000)), /big|1024|KiB|bytes/],
  ] as const) {
    const { claims, left } = mapped(mapper)
    t.same(claims, [], JSON.stringify(mapper[1]).slice(0, 60))
    t.match(left.join() || ' ', told)
  }
  t.equal(mapped(...many).claims.length, 32)
  t.match(mapped(...many).left, [/Mapper “m32”/])
  t.match(mapped(hardcoded('a', 'x'), hardcoded('a.b', 'x')).left, [/cannot be in one token/])
})

t.test('hardcoded roles become roles, of the realm or of a client', async (t) => {
  const role = (name: string) => ['oidc-hardcoded-role-mapper', { role: name }] as const
  t.same(mapped(role('billing'), role('my.app.read')).roles, [
    { client: undefined, name: 'billing' },
    { client: 'my.app', name: 'read' },
  ])
  t.match(mapped(role('')).left, [/names no role/])
})

t.test('what a session notes of a client becomes a claim from the same source', async (t) => {
  const { claims, left } = mapped(
    note('clientId', 'clientId'),
    note('client_id', 'client_id'),
    note('ip', 'clientAddress'),
    note('host', 'clientHost'),
    note('since', 'AUTH_TIME'),
  )
  t.same(claims, [
    { claim: 'clientId', from: 'client_id' },
    { claim: 'ip', from: 'address' },
    { claim: 'host', from: 'address' },
  ])
  t.match(left, [/Mapper “m4” \(oidc-usersessionmodel-note-mapper\): tokens here have no such claim/])
})

t.test('mappers of other kinds are left with the reason, but for audiences', async (t) => {
  const { left } = mapped(['oidc-audience-mapper', {}], ['oidc-script-based-protocol-mapper', {}])
  t.match(left, [/Mapper “m1” \(oidc-script-based-protocol-mapper\)/])
  t.equal(left.length, 1)
})
