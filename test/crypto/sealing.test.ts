import { CompactEncrypt, compactDecrypt } from 'jose'
import t from 'tap'
import { createSealer } from '../../src/crypto/sealing.ts'

const KEY = Buffer.alloc(32, 1)
const OTHER = Buffer.alloc(32, 2)
const SECRET = Buffer.from('a private key')
const CONTEXT = 'signing_keys 1 kid ES256'

/** As the version before sealed: without a context. */
function unbound(header: object = {}): Promise<string> {
  return new CompactEncrypt(SECRET)
    .setProtectedHeader({
      alg: 'dir',
      enc: 'A256GCM',
      kid: kidOf(createSealer([KEY]).seal(SECRET, '')),
      ...header,
    })
    .encrypt(KEY)
}

function kidOf(sealed: string): string {
  return JSON.parse(Buffer.from(sealed.split('.')[0] as string, 'base64url').toString()).kid
}

t.test('what one key seals, any sealer that has the key opens, and no other', async (t) => {
  const sealed = createSealer([KEY]).seal(SECRET, CONTEXT)
  t.match(sealed, /^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/, 'compact JWE, direct encryption')
  t.notMatch(sealed, SECRET.toString('base64url'))
  const both = createSealer([OTHER, KEY])
  t.same(Buffer.from(both.open(sealed, CONTEXT)), SECRET)
  t.notOk(both.isCurrent(sealed))
  t.ok(both.isCurrent(both.seal(SECRET, CONTEXT)))
  t.throws(() => createSealer([OTHER]).open(sealed, CONTEXT), { name: 'WrongMasterKeyError' })
})

t.test('a sealed value opens in no other context', async (t) => {
  const sealer = createSealer([KEY], { opensUnbound: true })
  const sealed = sealer.seal(SECRET, CONTEXT)
  for (const context of ['signing_keys 2 kid ES256', 'signing_keys 1 other ES256', 'data_keys portal', ''])
    t.throws(() => sealer.open(sealed, context), { name: 'WrongMasterKeyError' }, context)
  const [, ...rest] = sealed.split('.')
  const [header] = (await unbound()).split('.')
  t.throws(() => sealer.open([header, ...rest].join('.'), CONTEXT), 'nor without the member that names it')
})

t.test('a value of the version before opens where that is said, and counts as not current', async (t) => {
  const sealed = await unbound()
  const sealer = createSealer([KEY], { opensUnbound: true })
  t.same(Buffer.from(sealer.open(sealed, CONTEXT)), SECRET)
  t.notOk(sealer.isCurrent(sealed))
  t.throws(() => createSealer([KEY]).open(sealed, CONTEXT), { name: 'WrongMasterKeyError' })
})

t.test('the version before opens what this one seals', async (t) => {
  const { plaintext } = await compactDecrypt(createSealer([KEY]).seal(SECRET, CONTEXT), KEY)
  t.same(Buffer.from(plaintext), SECRET)
})

t.test('a changed value does not open', async (t) => {
  const sealer = createSealer([KEY])
  const sealed = sealer.seal(SECRET, CONTEXT)
  const [header, , iv, text, tag] = sealed.split('.') as [string, string, string, string, string]
  const flipped = (part: string) => (part.startsWith('A') ? 'B' : 'A') + part.slice(1)
  for (const parts of [
    [header, '', flipped(iv), text, tag],
    [header, '', iv, flipped(text), tag],
    [header, '', iv, text, flipped(tag)],
    [header, '', iv, text, tag.slice(0, 6)],
    [header, 'AAAA', iv, text, tag],
    [Buffer.from('null').toString('base64url'), '', iv, text, tag],
    ['', '', '', '', ''],
  ])
    t.throws(() => sealer.open(parts.join('.'), CONTEXT), { name: 'WrongMasterKeyError' })
})

t.test('no other algorithm, compression or key is taken from a header', async (t) => {
  const sealer = createSealer([KEY], { opensUnbound: true })
  for (const header of [{ kid: 'other' }, { typ: 'JOSE' }]) {
    const sealed = await unbound(header)
    t.throws(() => sealer.open(sealed, CONTEXT), { name: 'WrongMasterKeyError' }, JSON.stringify(header))
  }
  for (const alg of ['A256KW', 'A256GCMKW']) {
    const sealed = await new CompactEncrypt(SECRET)
      .setProtectedHeader({ alg, enc: 'A256GCM', kid: kidOf(sealer.seal(SECRET, '')) })
      .encrypt(KEY)
    t.throws(() => sealer.open(sealed, CONTEXT), { name: 'WrongMasterKeyError' }, alg)
  }
})

t.test('a sealer requires a master key', async (t) => {
  t.throws(() => createSealer([]), TypeError)
})
