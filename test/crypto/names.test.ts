import t from 'tap'
import { newClientId, newId } from '../../src/crypto/identifier.ts'
import { generateSigningKey } from '../../src/crypto/signing.ts'

t.test('no name that the server makes begins as an option of a command would', async (t) => {
  const kids: string[] = []
  for (let i = 0; i < 500; i++) kids.push((await generateSigningKey('ES256')).kid)
  const names = [...kids, ...Array.from({ length: 500 }, newId), ...Array.from({ length: 500 }, newClientId)]
  t.same(
    names.filter((name) => !/^\w[\w-]+$/.test(name)),
    [],
  )
})
