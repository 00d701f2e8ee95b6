import t from 'tap'
import { addressCheck, parseLimits, parseNetwork } from '../../src/domain/account-limits.ts'

const STORED: readonly [string, string][] = [
  ['192.0.2.7', '192.0.2.7/32'],
  [' 10.1.2.3/8 ', '10.0.0.0/8'],
  ['192.0.2.129/25', '192.0.2.128/25'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['2001:DB8::1', '2001:db8::1/128'],
  ['2001:0db8:0:0:1::/33', '2001:db8::/33'],
  ['2001:db8:ffff::/35', '2001:db8:e000::/35'],
  ['::/0', '::/0'],
  ['::1', '::1/128'],
  ['::ffff:10.1.2.3', '10.1.2.3/32'],
  ['::ffff:0a01:0203/104', '10.0.0.0/8'],
  ['::ffff:0:0/96', '0.0.0.0/0'],
  ['1:2:3:4:5:6:7:8/127', '1:2:3:4:5:6:7:8/127'],
  ['1:2:3:4:5:6:7:9/127', '1:2:3:4:5:6:7:8/127'],
]

for (const [text, stored] of STORED)
  t.test(`the network ${text} is stored as ${stored}`, async (t) => {
    t.equal(parseNetwork(text), stored)
    t.equal(parseNetwork(stored), stored, 'and as the same again')
  })

for (const text of [
  '',
  '10',
  '10.0.0',
  '010.0.0.1',
  '0x7f.0.0.1',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/ 8',
  '::/129',
  'fe80::1%eth0',
  '[::1]',
  'example.com',
  '10.0.0.1:80',
  ':::',
  '1:2:3:4:5:6:7:8:9',
  '10.0.0.0\u0000/8',
])
  t.test(`${JSON.stringify(text)} is refused as a network`, async (t) => {
    t.throws(() => parseNetwork(text), { code: 'invalid', field: 'allowed_networks' })
  })

t.test('an address is allowed by the networks that hold it, and by no others', async (t) => {
  const isAllowed = addressCheck(['10.0.0.0/8', '192.0.2.7/32', '2001:db8::/33'])
  for (const address of ['10.0.0.0', '10.255.255.255', '192.0.2.7', '2001:db8:7fff::1'])
    t.ok(isAllowed(address))
  for (const address of [
    '11.0.0.0',
    '9.255.255.255',
    '192.0.2.8',
    '2001:db8:8000::',
    '::1',
    '',
    'x',
    '10.0.0',
  ])
    t.notOk(isAllowed(address), address)
  t.notOk(addressCheck(['::/0'])('10.0.0.1'), 'all of IPv6 holds no IPv4')
  t.ok(addressCheck(['0.0.0.0/0'])('10.0.0.1'))
})

t.test('limits out of bounds are refused by the name of their member', async (t) => {
  const refused = (limits: object, field: string) =>
    t.throws(() => parseLimits(limits), { code: 'invalid', field }, JSON.stringify(limits))
  refused({ allowedNetworks: [] }, 'allowed_networks')
  refused({ allowedNetworks: Array.from({ length: 51 }, (_, n) => `10.0.0.${n}`) }, 'allowed_networks')
  refused({ allowedNetworks: ['10.0.0.1', 'x'] }, 'allowed_networks')
  refused({ expiresAt: new Date('x') }, 'expires_at')
  for (const maxSecretAgeSeconds of [0, -1, 3599, 3600.5, 315_360_001, Number.NaN])
    refused({ maxSecretAgeSeconds }, 'max_secret_age_seconds')
  t.same(parseLimits({ allowedNetworks: ['10.0.0.1', '10.0.0.1/32'] }), { allowedNetworks: ['10.0.0.1/32'] })
  const none = { allowedNetworks: null, expiresAt: null, maxSecretAgeSeconds: null }
  t.same(parseLimits(none), none)
})
