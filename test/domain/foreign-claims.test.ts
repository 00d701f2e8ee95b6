import t from 'tap'
import { readForeignClaims } from '../../src/domain/foreign-key.ts'

const claims = { client_id: 'a', iat: 1, exp: 2 }

t.test('the scope of a token is read from scp where it has no scope, as Hydra writes it', async (t) => {
  const read = (more: object) => readForeignClaims('JWT', { ...claims, ...more })?.claims
  t.same(read({ scp: ['orders', 'invoices'] }), { ...claims, scope: 'orders invoices' })
  t.same(read({ scp: ['orders'], scope: 'x' }), { ...claims, scp: ['orders'], scope: 'x' })
  t.same(read({ scp: 7 }), { ...claims, scp: 7 })
  t.same(read({}), claims)
})
