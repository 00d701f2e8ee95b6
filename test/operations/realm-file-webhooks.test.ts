import t from 'tap'
import { RealmFileError } from '../../src/domain/realm-file-fault.ts'
import { WEBHOOK_EVENT_NAMES } from '../../src/domain/webhook.ts'
import type { ApplyOptions } from '../../src/operations/realm-files/realm-files.ts'
import { TESTER, testServer } from '../support/server.ts'

async function acme(t: Parameters<typeof testServer>[0]) {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const apply = async (webhooks: unknown, options?: ApplyOptions) => {
    const text = JSON.stringify({ realm: 'acme', webhooks })
    const [plan] = await operations.realmFiles.apply(TESTER, [{ name: 'realm.yaml', text }], options)
    return (plan?.changes ?? []).map(({ action, kind, target }) => `${action} ${kind} ${target}`)
  }
  const faults = (webhooks: unknown) =>
    apply(webhooks).then(
      () => [],
      (error: unknown) => {
        if (!(error instanceof RealmFileError)) throw error
        return error.faults.map(({ path, code, detail }) => `${path} ${code}: ${detail}`)
      },
    )
  const present = async () =>
    (await operations.webhooks.list(TESTER, 'acme'))
      .map(({ url, events, enabled }) => [url, events, enabled])
      .sort((a, b) => (String(a) < String(b) ? -1 : 1))
  return { operations, apply, faults, present }
}

t.test('a web hook of a file is made for every event, changed, and deleted with prune alone', async (t) => {
  const { apply, present } = await acme(t)
  const url = 'https://ops.example.com'
  t.same(await apply([{ url }], { dryRun: true }), ['create webhook https://ops.example.com/'])
  t.same(await present(), [])
  t.same(await apply([{ url }]), ['create webhook https://ops.example.com/'])
  t.same(await present(), [['https://ops.example.com/', WEBHOOK_EVENT_NAMES, true]])
  t.same(await apply([{ url }], { prune: true }), [], 'an address that is written otherwise is the same')
  const events = ['limit.reached', 'secret.leaked']
  t.same(await apply([{ url, events, enabled: false }]), ['update webhook https://ops.example.com/'])
  t.same(await present(), [['https://ops.example.com/', [...events].reverse(), false]])
  t.same(await apply([{ url, events }]), [], 'the order of events says nothing, and what is left out stays')
  t.same(await apply([]), [])
  t.same(await apply(undefined, { prune: true }), [], 'a list that the file does not have is left alone')
  t.same(await apply([], { prune: true }), ['delete webhook https://ops.example.com/'])
  t.same(await present(), [])
})

t.test('web hooks of one address are told apart by what else they are', async (t) => {
  const { apply, present } = await acme(t)
  const url = 'https://ops.example.com/'
  const [leaks, limits] = [
    { url, events: ['secret.leaked'] },
    { url, events: ['limit.reached'] },
  ]
  await apply([leaks, limits])
  t.same(await apply([limits, leaks], { prune: true }), [])
  t.same(await apply([{ ...limits, enabled: false }, leaks]), [`update webhook ${url}`])
  t.same(await present(), [
    [url, limits?.events, false],
    [url, leaks?.events, true],
  ])
  t.same(await apply([limits], { prune: true }), [`delete webhook ${url}`])
  t.same(await present(), [[url, limits?.events, false]])
})

t.test(
  'a plan and the audit trail have an address without its query, and an export has it whole',
  async (t) => {
    const { operations, apply } = await acme(t)
    const url = 'https://ops.example.com/?team=a'
    t.same(await apply([{ url }]), ['create webhook https://ops.example.com/?…'])
    const { items } = await operations.audit.list(TESTER, 'acme', { after: undefined, limit: 10 })
    t.notMatch(JSON.stringify(items), 'team=a')
    const { webhooks } = await operations.realmFiles.export(TESTER, 'acme')
    t.same(webhooks, [{ url, description: '', events: WEBHOOK_EVENT_NAMES, enabled: true }])
  },
)

t.test('a web hook that cannot be is a fault of its entry, and changes nothing', async (t) => {
  const { faults, present } = await acme(t)
  t.match(
    await faults([{ url: 'https://a.example' }, { url: 'http://a.example' }, { url: 'https://10.0.0.1' }]),
    [
      /^webhooks\[1\]\.url invalid: url: The address must be an https URL/,
      /^webhooks\[2\]\.url invalid: .*WEBHOOK_NETWORKS/,
    ],
  )
  t.match(await faults([{ url: 'https://a.example', events: [] }]), [/^webhooks\[0\]\.events invalid/])
  t.match(await faults([{ url: 'https://a.example', events: ['x'], secret: 'y' }]), [
    /webhooks\[0\]\.secret .*There is no such member: it may be url, description, events, enabled/,
    /webhooks\[0\]\.events\[0\] .*It must be one of secret\.leaked/,
  ])
  const eleven = Array.from({ length: 11 }, (_, n) => ({ url: `https://${n}.example` }))
  t.match(await faults(eleven), ['webhooks limit_reached: A realm file has at most 10 of them.'])
  t.same(await present(), [])
})

t.test('with prune, web hooks of a full realm are replaced', async (t) => {
  const { apply, present } = await acme(t)
  const ten = (name: string) => Array.from({ length: 10 }, (_, n) => ({ url: `https://${name}${n}.example` }))
  await apply(ten('a'))
  t.equal((await apply(ten('b'), { prune: true })).length, 20)
  t.equal((await present()).length, 10)
})
