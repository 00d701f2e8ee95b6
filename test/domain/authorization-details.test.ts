import fc from 'fast-check'
import t from 'tap'
import {
  type AuthorizationDetail,
  grantDetails,
  intersectDetails,
  MAX_DETAILS_BYTES,
  parseAuthorizationDetails,
} from '../../src/domain/authorization-details.ts'

const REALM = { resourceTypes: ['site'] }
const refusal = (description: RegExp) => ({
  name: 'OAuthError',
  code: 'invalid_authorization_details',
  description,
})

const detail = (type: string, identifier: string, ...privileges: string[]): AuthorizationDetail => ({
  type,
  identifier,
  privileges,
})
const HELD = [detail('device', 'd1', 'operate', 'view'), detail('device_group', 'eu', 'operate')]
const ask = (asked: object[], details = HELD) =>
  grantDetails(parseAuthorizationDetails(JSON.stringify(asked)), { details, detailsOmitted: false }, REALM)

t.test('a request without details gets all grants', async (t) => {
  t.equal(parseAuthorizationDetails(undefined), undefined)
  const all = (details: AuthorizationDetail[], detailsOmitted = false) =>
    grantDetails(undefined, { details, detailsOmitted }, REALM)
  t.same(all(HELD), { authorization_details: HELD })
  t.equal(all([]), undefined)
  t.same(all([], true), { authorization_details_omitted: true })
})

t.test('a client gets less when it asks for less', async (t) => {
  t.same(ask([detail('device', 'd1', 'view')]), { authorization_details: [detail('device', 'd1', 'view')] })
  t.same(ask([{ type: 'device', identifier: 'd1' }]), { authorization_details: [HELD[0]] })
  t.equal(ask([]), undefined)
})

t.test('entries on one resource become one, all in one order', async (t) => {
  const asked = [
    detail('device_group', 'eu', 'operate'),
    detail('device', 'd1', 'view', 'view'),
    detail('device', 'd1', 'operate'),
  ]
  t.same(ask(asked), { authorization_details: HELD })
})

t.test('a request never gets more than the account holds', async (t) => {
  const more = refusal(/^Entry 1 of authorization_details asks for more than the client holds\.$/)
  const first = { type: 'device', identifier: 'd1' }
  for (const second of [
    detail('device', 'd1', 'view', 'manage'),
    detail('device', 'd2', 'view'),
    { type: 'device', identifier: 'd2' },
    detail('site', 'd1', 'view'),
    detail('device_group', 'EU', 'operate'),
  ])
    t.throws(() => ask([first, second]), more)
  t.throws(
    () => ask([detail('account', 'd1', 'view')]),
    refusal(/^Entry 0 .+ type that the realm does not know/),
  )
})

t.test('whatever is asked for, a token never says more than is held', async (t) => {
  const word = fc.constantFrom('a', 'b', 'c')
  const details = fc.uniqueArray(
    fc.record({
      type: fc.constantFrom('device', 'device_group', 'site'),
      identifier: word,
      privileges: fc.uniqueArray(word, { minLength: 1 }),
    }),
    { selector: ({ type, identifier }) => `${type} ${identifier}` },
  )
  const holds = (held: AuthorizationDetail[], one: AuthorizationDetail) =>
    one.privileges.every((role) =>
      held.some(
        (own) => own.type === one.type && own.identifier === one.identifier && own.privileges.includes(role),
      ),
    )
  let granted = 0
  fc.assert(
    fc.property(details, details, (held, asked) => {
      try {
        const said = ask(asked, held)?.authorization_details ?? []
        granted++
        t.ok(said.every((one) => holds(held, one)))
        t.ok(asked.every((one) => holds([...said], one)))
      } catch (error) {
        t.match(error, refusal(/more than the client holds/))
        t.notOk(asked.every((one) => holds(held, one)))
      }
    }),
    { numRuns: 500 },
  )
  t.ok(granted > 10)
})

t.test('the parameter is an array of objects with members that are known', async (t) => {
  const cases: [string, RegExp][] = [
    ['{', /is not JSON/],
    ['{}', /is not an array/],
    ['null', /is not an array/],
    ['[null]', /^Entry 0 .+ is not an object/],
    ['["device"]', /is not an object/],
    ['[[]]', /is not an object/],
    ['[{"type":"device","identifier":"d1","actions":["read"]}]', /type, identifier and privileges only/],
    ['[{"type":"device","identifier":"d1","__proto__":{}}]', /type, identifier and privileges only/],
    ['[{"identifier":"d1"}]', /has no type/],
    ['[{"type":1,"identifier":"d1"}]', /has no type/],
    ['[{"type":"device"}]', /has no identifier/],
    ['[{"type":"device","identifier":""}]', /has no identifier/],
    ['[{"type":"device","identifier":"d\\u0000"}]', /has no identifier/],
    ['[{"type":"device","identifier":"d1","privileges":[]}]', /privileges that are not an array of roles/],
    ['[{"type":"device","identifier":"d1","privileges":"view"}]', /privileges that are not an array/],
    ['[{"type":"device","identifier":"d1","privileges":[1]}]', /privileges that are not an array/],
  ]
  for (const [text, description] of cases)
    t.throws(() => parseAuthorizationDetails(text), refusal(description), text)
})

t.test('requested details must fit into the token', async (t) => {
  const held = Array.from({ length: 200 }, (_, i) => detail('device', `d${1000 + i}`, 'view'))
  const each = JSON.stringify(held[0]).length + 1
  const fit = held.slice(0, Math.floor((MAX_DETAILS_BYTES - 1) / each))
  t.same(ask(fit, held), { authorization_details: fit })
  t.throws(() => ask(held.slice(0, fit.length + 1), held), refusal(/more than 4096 bytes/))
})

t.test('only grants that the account still holds count', async (t) => {
  t.same(intersectDetails(HELD, [detail('device', 'd1', 'view', 'manage')]), [detail('device', 'd1', 'view')])
  t.same(intersectDetails([], HELD), [])
})
