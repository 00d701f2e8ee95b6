import t, { type Test } from 'tap'
import { createSealer } from '../../src/crypto/sealing.ts'
import { UnknownRealmError } from '../../src/domain/oauth-error.ts'
import type { Realm } from '../../src/domain/realm.ts'
import { cacheSizes } from '../../src/operations/cache-sizes.ts'
import { keptRealms } from '../../src/operations/clients/kept-realms.ts'
import { createLoadedRealms } from '../../src/operations/clients/loaded-realms.ts'
import type { LoadedRealm } from '../../src/operations/clients/realm-loading.ts'
import type { ReadRealm } from '../../src/operations/clients/realm-reading.ts'
import { openVerifierKey } from '../../src/operations/realms/data-keys.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { findRealmVersions, type RealmVersion } from '../../src/storage/realms.ts'
import { MASTER_KEY, PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

/** Bytes of a realm that is ready to sign, and of one as it was read. */
const READY = 6500
const READ = 1500

/** A node with room for one realm that can sign and two as they were read, and three realms. */
async function smallNode(t: Test) {
  const { operations, databaseUrl, clock } = await testServer(t)
  for (const name of ['a', 'b', 'c']) await operations.realms.create(TESTER, name)
  const db = openDatabase({ connectionString: databaseUrl, poolSize: 2, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  const sealer = createSealer([Buffer.from(MASTER_KEY, 'base64url')])
  const realms = createLoadedRealms({
    db,
    sealer,
    verifierKey: await openVerifierKey(db, sealer, clock.read),
    publicUrl: PUBLIC_URL,
    clock: clock.read,
    log: () => {},
    cacheSizes: { ...cacheSizes(), realmBytes: READY + 2 * READ },
  })
  const versionOf = async (name: string) => (await findRealmVersions(db, [name])).get(name) as RealmVersion
  return { operations, realms, versionOf }
}

const kidOf = async (realm: Pick<LoadedRealm, 'signer'>) => (await realm.signer()).kid

t.test('a realm that is kept as it was read signs with its key, without another read', async (t) => {
  const { realms, versionOf } = await smallNode(t)
  const kids = new Map<string, string>()
  for (const name of ['a', 'b', 'c', 'a', 'b', 'c'])
    kids.set(name, await kidOf(await realms.at(name, await versionOf(name))))
  t.equal(new Set(kids.values()).size, 3)
  t.equal(realms.size(), 3)
  for (const name of ['a', 'b', 'c', 'b', 'a']) {
    const found = realms.at(name, await versionOf(name))
    t.notOk(found instanceof Promise, name)
    t.equal(await kidOf(await found), kids.get(name), name)
    t.same(
      (await found).keys.map(({ kid }) => kid),
      [kids.get(name)],
      name,
    )
  }
})

t.test('a realm that is kept as it was read obeys a change at once', async (t) => {
  const { operations, realms, versionOf } = await smallNode(t)
  for (const name of ['a', 'b', 'c', 'a', 'b', 'c']) await realms.latest(name)
  await operations.realms.update(TESTER, 'a', { tokenLifetimeSeconds: 77 })
  await operations.realms.delete(TESTER, 'b')
  const changed = await realms.at('a', await versionOf('a'))
  t.equal(changed.realm.tokenLifetimeSeconds, 77)
  t.equal((await realms.latest('a')).realm.tokenLifetimeSeconds, 77)
  await t.rejects(realms.latest('b'), UnknownRealmError)
  t.notOk(realms.has('b'))
})

/** Keeps realms in so many bytes; `made` names those that were made ready, in order. */
function keptIn(realmBytes: number) {
  const made: string[] = []
  const kept = keptRealms({ realmBytes }, (read) => {
    made.push(read.realm.name)
    return { read, realm: read.realm } as LoadedRealm
  })
  const keep = (name: string) => kept.keep(name, { realm: { name } as Realm } as ReadRealm)
  return { kept, keep, made }
}

t.test('realms are ready to sign while there is room for all of them', async (t) => {
  const { kept, keep, made } = keptIn(3 * READY)
  const realms = ['a', 'b', 'c'].map(keep)
  t.same(['a', 'b', 'c'].map(kept.get), realms)
  t.equal(made.length, 3)
})

t.test('without room a realm is kept as it was read, and is ready once it comes back soon', async (t) => {
  const { kept, keep, made } = keptIn(READY + 2 * READ)
  const [a] = ['a', 'b', 'c'].map(keep)
  t.equal(kept.get('a'), a)
  t.not(kept.get('b'), kept.get('b'), 'it was made ready anew')
  t.equal(kept.get('b'), kept.get('b'), 'the second time it stayed')
  t.not(kept.get('a'), a, 'the one unused for longest gave way, and is kept as it was read')
  t.same(made, ['a', 'b', 'c', 'b', 'b', 'a'])
  t.equal(kept.size(), 3)
  t.same(
    ['a', 'b', 'c'].map((name) => kept.settingsOf(name)?.name),
    ['a', 'b', 'c'],
  )
})

t.test(
  'the realms unused for longest go first, and a fifth of the memory stays for ready ones',
  async (t) => {
    const { kept, keep } = keptIn(5 * READY)
    const ready = ['a', 'b', 'c', 'd', 'e'].map(keep)
    const more = Array.from({ length: 40 }, (_, i) => String(i))
    for (const name of more) keep(name)
    t.equal(kept.get('e'), ready.at(-1))
    t.same(more.filter(kept.has), more.slice(-Math.floor((4 * READY) / READ)))
    t.notOk(kept.has('a'))
    kept.delete('e')
    t.notOk(kept.has('e'))
  },
)

t.test('a realm that was read again takes the place of the one before, ready or not', async (t) => {
  const { kept, keep, made } = keptIn(READY + READ)
  for (const name of ['a', 'b', 'a', 'b']) {
    const newer = keep(name)
    t.equal(kept.settingsOf(name), newer.realm, name)
    t.equal(kept.get(name)?.realm, newer.realm, name)
  }
  const read = { realm: { name: 'a' } as Realm } as ReadRealm
  const before = made.length
  t.equal(kept.keep('a', read), kept.keep('a', read), 'requests that waited for one read share what it gave')
  t.equal(made.length, before + 1)
  t.equal(kept.size(), 2)
})
