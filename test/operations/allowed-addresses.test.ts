import t from 'tap'
import { keyUrl } from '../../src/domain/key-address.ts'
import { allowedAddresses } from '../../src/operations/federation/allowed-addresses.ts'

const PUBLIC = ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808']

/** None of them is a server of the internet. */
const INNER = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::a00:1',
  '64:ff9b:1::a00:1',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2001:db8::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'localhost',
  '',
]

t.test('allows public addresses and no others', async (t) => {
  const { isAllowed } = allowedAddresses([])
  for (const address of PUBLIC) t.ok(isAllowed(address), address)
  for (const address of INNER) t.notOk(isAllowed(address), address)
})

t.test(
  'allows addresses of the networks that are named, in each of their forms, and no others',
  async (t) => {
    const { isAllowed, isAllowedLoopback } = allowedAddresses([
      '10.1.0.0/16',
      '::1/128',
      'fd12::/32',
      '::ffff:10.9.0.0/112',
    ])
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::a01:203', '::1', 'fd12::1', '10.9.0.1'])
      t.ok(isAllowed(address), address)
    for (const address of ['10.2.0.1', '127.0.0.1', 'fd13::1', '169.254.169.254', '10.8.0.1'])
      t.notOk(isAllowed(address), address)
    t.ok(isAllowedLoopback('::1'))
    t.notOk(isAllowedLoopback('127.0.0.1'), 'not named')
    t.notOk(isAllowedLoopback('10.1.2.3'), 'named, and another machine')
    t.notOk(isAllowedLoopback('8.8.8.8'))
  },
)

t.test('takes https addresses alone, and http of this machine', async (t) => {
  const good = [
    'https://a.example/jwks',
    'https://a.example:6443/',
    'http://127.0.0.1:8080/x',
    'http://[::1]:8080/',
    'http://localhost/',
  ]
  for (const address of good) t.type(keyUrl(address), URL, address)
  const bad = [
    '',
    'a.example',
    'ftp://a.example/',
    'file:///etc/passwd',
    'http://a.example/',
    'http://10.0.0.1/',
    'http://localhost.a.example/',
    'https://user@a.example/',
    'https://user:password@a.example/',
    'https://@a.example/',
    'https://a.example/#x',
    'https://a.example:22/',
    'https://a.example:80/',
    'http://127.0.0.1:25/',
    'https://a.example\\@b.example/',
    'https://a.example/a b',
    'https://a.example/\n',
    'https://a.exämple/',
    `https://a.example/${'a'.repeat(1024)}`,
  ]
  for (const address of bad) t.type(keyUrl(address), 'string', address)
})

t.test('reads other ways to write an IPv4 address as that address', async (t) => {
  for (const host of ['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '0x7f000001'])
    t.equal((keyUrl(`https://${host}:8443/`) as URL).hostname, '127.0.0.1', host)
  t.equal((keyUrl('https://[::ffff:127.0.0.1]/') as URL).hostname, '[::ffff:7f00:1]')
})
