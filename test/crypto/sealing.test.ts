import { CompactEncrypt } from 'jose'
import t from 'tap'
import { createSealer } from '../../src/crypto/sealing.ts'

const KEY = Buffer.alloc(32, 1)
const OTHER = Buffer.alloc(32, 2)
const SECRET = Buffer.from('a private key')

t.test('what one key seals, any sealer that has the key opens, and no other', async (t) => {
  const sealed = await (await createSealer([KEY])).seal(SECRET)
  t.match(sealed, /^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/, 'compact JWE, direct encryption')
  t.notMatch(sealed, SECRET.toString('base64url'))
  const both = await createSealer([OTHER, KEY])
  t.same(Buffer.from(await both.open(sealed)), SECRET)
  t.notOk(both.isCurrent(sealed))
  t.ok(both.isCurrent(await both.seal(SECRET)))
  await t.rejects((await createSealer([OTHER])).open(sealed), { name: 'WrongMasterKeyError' })
})

t.test('what was changed does not open', async (t) => {
  const sealer = await createSealer([KEY])
  const sealed = await sealer.seal(SECRET)
  const [header, , iv, text, tag] = sealed.split('.') as [string, string, string, string, string]
  const flipped = (part: string) => (part.startsWith('A') ? 'B' : 'A') + part.slice(1)
  for (const parts of [
    [header, '', flipped(iv), text, tag],
    [header, '', iv, flipped(text), tag],
    [header, '', iv, text, flipped(tag)],
  ])
    await t.rejects(sealer.open(parts.join('.')), { name: 'WrongMasterKeyError' })
  const nameless = new CompactEncrypt(SECRET).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
  await t.rejects(sealer.open(await nameless.encrypt(KEY)), { name: 'WrongMasterKeyError' })
})

t.test('without a master key nothing is sealed', async (t) => {
  await t.rejects(createSealer([]), TypeError)
})
