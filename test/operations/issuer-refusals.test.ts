import t, { type Test } from 'tap'
import { parseIssuerSettings } from '../../src/domain/trusted-issuer.ts'
import { issuerRefusals } from '../../src/operations/federation/issuer-refusals.ts'
import { refusals } from '../../src/operations/refusals.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { insertTrustedIssuer } from '../../src/storage/trusted-issuers.ts'
import { query } from '../support/assertion.ts'
import { TESTER, testServer } from '../support/server.ts'

const ADDRESS = '198.51.100.7'

async function setting(t: Test) {
  const server = await testServer(t)
  const realm = await server.operations.realms.create(TESTER, 'acme')
  const db = openDatabase({ connectionString: server.databaseUrl, poolSize: 2, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  const clock = server.clock.read
  const settings = parseIssuerSettings({ issuer: 'https://ci.example', keys: { kind: 'jwks', keys: [] } })
  await db
    .transaction()
    .execute((trx) => insertTrustedIssuer(trx, realm.id, { ...settings, id: 'ci' }, clock()))
  const node = () => issuerRefusals({ db, clock, refusals: refusals({ db, clock, log: () => {} }) })
  const refused = { realmId: realm.id, issuerId: 'ci', clientId: undefined, address: ADDRESS } as const
  return { server, node, refused }
}

t.test('the last 20 refusals of an issuer are kept, of all nodes, the newest first', async (t) => {
  const { server, node, refused } = await setting(t)
  const [one, other] = [node(), node()]
  for (let at = 0; at < 30; at++) {
    server.clock.advance(1)
    const noted = at % 2 === 0 ? one : other
    noted.note({ ...refused, reason: 'expired', subject: `s${at}` })
    if (at === 10) await one.write()
  }
  t.ok((await other.write()) > 0)
  await one.write()
  t.equal(await one.write(), 0)
  const kept = await one.list(TESTER, 'acme', 'ci')
  t.same(
    kept.map(({ subject }) => subject),
    Array.from({ length: 20 }, (_, at) => `s${29 - at}`),
  )
  t.match(kept[0], { reason: 'expired', at: server.clock.now, address: ADDRESS })
  t.same(await query(server, 'select count(*)::int as n from issuer_refusals'), [{ n: 20 }])
  t.same([...one.count()], [['expired', 15]])
})

t.test(
  'texts of strangers are cut, and hold nothing that PostgreSQL or a terminal takes amiss',
  async (t) => {
    const { node, refused } = await setting(t)
    const noted = node()
    const reason = 'unbound'
    for (const subject of ['\u0000\u001b[31m\ud800\u202e', 'x'.repeat(9000), { a: 1 }, undefined])
      noted.note({ ...refused, reason, subject, clientId: '\u0000' })
    t.equal(await noted.write(), 4)
    const subjects = (await noted.list(TESTER, 'acme', 'ci')).map(({ subject }) => subject)
    t.ok(subjects.includes(`${'x'.repeat(200)}…`))
    t.ok(subjects.includes('\ufffd\ufffd[31m\ufffd\ufffd'))
    t.equal(subjects.filter((one) => one === undefined).length, 2)
  },
)

t.test('refusals of issuers that are gone are left out, and never fill the memory', async (t) => {
  const { node, refused } = await setting(t)
  const noted = node()
  for (let at = 0; at < 3000; at++)
    noted.note({ ...refused, issuerId: `gone${at}`, reason: 'signature', subject: 'x' })
  noted.note({ ...refused, issuerId: undefined, reason: 'issuer_unknown', subject: 'x' })
  t.equal(await noted.write(), 1000)
  t.same(await noted.list(TESTER, 'acme', 'ci'), [])
  await t.rejects(noted.list(TESTER, 'acme', 'gone1'), { code: 'not_found' })
})

t.test('a write that failed is tried again', async (t) => {
  const { server, node, refused } = await setting(t)
  const noted = node()
  noted.note({ ...refused, reason: 'audience', subject: 'x' })
  await query(server, 'alter table issuer_refusals rename to away')
  await t.rejects(noted.write())
  noted.note({ ...refused, reason: 'expired', subject: 'y' })
  await query(server, 'alter table away rename to issuer_refusals')
  t.equal(await noted.write(), 2)
})
