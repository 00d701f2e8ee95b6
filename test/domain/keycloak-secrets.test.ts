import t from 'tap'
import { planKeycloakImport } from '../../src/domain/keycloak-import.ts'
import { readKeycloakRealm } from '../../src/domain/keycloak-realm.ts'

const NOW = new Date('2026-11-28T12:00:00Z')
const HOUR = 3600
const NEW = 'sIqwfRi7Ic7rolK0fVWXEKZgIttcrvGS'
const OLD = '2Uoow3IkLOTiEcelwDhnHx7eFSLiDT9G'

const inSeconds = (offset: number) => String(NOW.getTime() / 1000 + offset)

/** A client in the middle of Keycloak's rotation, as version 26 exports it. */
const ROTATED = {
  'client.secret.creation.time': inSeconds(-HOUR),
  'client.secret.expiration.time': inSeconds(30 * 24 * HOUR),
  'client.secret.rotated': OLD,
  'client.secret.rotated.creation.time': inSeconds(-2 * HOUR),
  'client.secret.rotated.expiration.time': inSeconds(48 * HOUR),
}

function plan(attributes: object, client: object = {}, users: unknown = []) {
  const one = { clientId: 'a', secret: NEW, serviceAccountsEnabled: true, attributes, ...client }
  const realm = readKeycloakRealm({ realm: 'plant', clients: [one], users }, undefined)
  const { accounts, left } = planKeycloakImport(realm, { isWanted: () => true, withOwn: false, now: NOW })
  return { line: accounts[0], left: left.map(({ reason }) => reason).join('\n') }
}

t.test('the secret before a rotation is taken over with its end and the time when it was made', async (t) => {
  const { line, left } = plan(ROTATED)
  t.match(line, {
    clientSecret: NEW,
    secretCreatedAt: new Date(NOW.getTime() - HOUR * 1000),
    oldClientSecret: OLD,
    oldSecretCreatedAt: new Date(NOW.getTime() - 2 * HOUR * 1000),
    oldSecretExpiresAt: new Date(NOW.getTime() + 48 * HOUR * 1000),
  })
  t.match(left, /ends on 2026-12-28 in Keycloak/, 'the end of the new one is told')
})

t.test('a secret before a rotation that is good no longer is not taken over', async (t) => {
  const without = (name: string) => ({ ...ROTATED, [name]: undefined })
  for (const [what, attributes] of Object.entries({
    ended: { ...ROTATED, 'client.secret.rotated.expiration.time': inSeconds(-1) },
    'ends now': { ...ROTATED, 'client.secret.rotated.expiration.time': inSeconds(0) },
    'without an end, which Keycloak refuses': without('client.secret.rotated.expiration.time'),
    'with an end that is no time': { ...ROTATED, 'client.secret.rotated.expiration.time': 'soon' },
    'none at all': without('client.secret.rotated'),
    'an empty one': { ...ROTATED, 'client.secret.rotated': '' },
  })) {
    const { line } = plan(attributes)
    t.equal(line?.oldClientSecret, null, what)
    t.equal(line?.clientSecret, NEW, what)
  }
})

t.test('a secret before a rotation that is masked, in a vault or weak is listed', async (t) => {
  for (const [secret, reason] of [
    ['**********', /before its rotation.*masked/],
    ['$' + '{vault.a}', /before its rotation.*vault/],
    ['password', /before its rotation/],
  ] as const) {
    const { line, left } = plan({ ...ROTATED, 'client.secret.rotated': secret })
    t.equal(line?.oldClientSecret, null)
    t.equal(line?.clientSecret, NEW)
    t.match(left, reason)
    if (secret !== 'password') continue
    t.notMatch(left, /password/, 'no secret is told')
  }
})

t.test(
  'a secret before a rotation that ends after 90 days is listed with the end that it gets',
  async (t) => {
    const far = inSeconds(200 * 24 * HOUR)
    const attributes = {
      ...ROTATED,
      'client.secret.expiration.time': far,
      'client.secret.rotated.expiration.time': far,
    }
    t.match(plan(attributes).left, /ends here after 90 days, on 2027-02-26, not on 2027-06-16/)
  },
)

t.test('the secret before a rotation ends no later than the one after it, as in Keycloak', async (t) => {
  const soon = inSeconds(HOUR)
  const { line } = plan({ ...ROTATED, 'client.secret.expiration.time': soon })
  t.same(line?.oldSecretExpiresAt, new Date(NOW.getTime() + HOUR * 1000))
})

t.test('a secret that ended in Keycloak gives an account without one', async (t) => {
  const { line, left } = plan({ ...ROTATED, 'client.secret.expiration.time': inSeconds(-1) })
  t.equal(line?.clientSecret, undefined)
  t.equal(line?.oldClientSecret, undefined)
  t.match(left, /ended in Keycloak on 2026-11-28.*until you reset it/)
})

t.test('the time when a service account was made is that of its user', async (t) => {
  const user = (createdTimestamp: unknown) => [{ serviceAccountClientId: 'a', id: 'x', createdTimestamp }]
  t.same(plan({}, {}, user(1_700_000_000_123)).line?.createdAt, new Date(1_700_000_000_123))
  for (const odd of [undefined, null, '1700000000123', -5, 0, 1e300, Number.NaN])
    t.equal(plan({}, {}, user(odd)).line?.createdAt, undefined, String(odd))
})
