import t, { type Test } from 'tap'
import { type Answer, adminOf, secretIn, textOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const CREATE = '/portal/acme/service-accounts/create'

async function acme(t: Test) {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme', { roles: ['deployer'], scopes: ['view', 'write'] })
  await operations.resources.import(TESTER, 'acme', [
    { type: 'device_group', id: 'eu' },
    { type: 'device', id: 'gw-1' },
    { type: 'device', id: 'gw-2' },
  ])
  const { account: pattern } = await operations.accounts.create(TESTER, 'acme', {
    name: 'Pattern',
    roles: ['operate', 'deployer'],
    scopes: ['write'],
    claims: [{ claim: 'team', from: 'metadata.team' }],
    metadata: { team: 'a', owner: 'Ann' },
    allowedNetworks: ['10.0.0.0/8'],
    expiresAt: new Date('2099-01-01'),
    quota: { tokensPerHour: 9, mode: 'monitor' },
    grants: [
      { role: 'view', type: 'device_group', id: 'eu' },
      { role: 'manage', type: 'device', id: 'gw-1' },
    ],
  })
  const browser = await adminOf(server, 'acme')
  const named = async (name: string) => {
    const filter = { after: '', limit: 9, nameContains: name }
    return (await operations.accounts.list(TESTER, 'acme', filter)).items[0]
  }
  const grantsOf = async (clientId = '') =>
    (await operations.grants.list(TESTER, 'acme', clientId, { limit: 99 })).items.map(
      ({ role, type, id }) => `${role} ${type}/${id}`,
    )
  return { server, operations, pattern, browser, named, grantsOf }
}

function fieldsOf({ body }: Answer, more: readonly (readonly [string, string])[]): URLSearchParams {
  const form = body.slice(body.indexOf(`action="${CREATE}"`)).split('</form>')[0] ?? ''
  const hidden = [...form.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)]
  const fields = new URLSearchParams(
    hidden.map(([, name = '', value = '']): [string, string] => [name, value]),
  )
  for (const [name, value] of more) fields.append(name, value)
  return fields
}

t.test('an account is made with the roles and pasted ids of its form', async (t) => {
  const { browser, named, grantsOf } = await acme(t)
  const more = [
    ['name', 'New'],
    ['role', 'view'],
    ['role', 'deployer'],
    ['grant_role', 'operate'],
    ['grant_type', 'device'],
    ['ids', 'gw-1\r\ndevice_group/eu'],
  ] as const
  const made = await browser.post(CREATE, fieldsOf(await browser.get(CREATE), more))
  t.ok(secretIn(made), 'its secret is shown')
  const account = await named('New')
  t.same(account?.roles, ['view', 'deployer'])
  t.same(await grantsOf(account?.clientId), ['operate device/gw-1', 'operate device_group/eu'])
  const plain = await browser.post(CREATE, fieldsOf(await browser.get(CREATE), [['name', 'Plain']]))
  t.ok(secretIn(plain))
  t.same((await named('Plain'))?.roles, ['view'])
})

t.test('an unknown id, or a role that is none, makes no account and keeps what was typed', async (t) => {
  const { browser, named } = await acme(t)
  const typed = [
    ['name', 'New'],
    ['role', 'operate'],
    ['grant_role', 'manage'],
    ['grant_type', 'device'],
    ['ids', 'gw-1\r\nnope'],
    ['owner', 'Bob'],
  ] as const
  const first = await browser.post(CREATE, fieldsOf(await browser.get(CREATE), typed))
  t.equal(first.statusCode, 400)
  t.match(textOf(first), 'Realm acme has no device nope. Nothing was done.')
  t.match(first.body, 'id="ids-fault"')
  for (const kept of [
    />\ngw-1\r?\nnope<\/textarea>/,
    '<option value="manage" selected>',
    'name="role" value="operate" checked',
    'value="New"',
    'value="Bob"',
  ])
    t.match(first.body, kept)
  t.notMatch(first.body, 'name="role" value="view" checked')
  t.equal(await named('New'), undefined)
  const wrong = [
    ['name', 'New'],
    ['role', 'none'],
  ] as const
  const second = await browser.post(CREATE, fieldsOf(first, wrong))
  t.equal(second.statusCode, 400)
  t.match(second.body, 'role="alert"')
  const platform = [
    ['name', 'New'],
    ['role', 'platform-admin'],
  ] as const
  t.equal((await browser.post(CREATE, fieldsOf(second, platform))).statusCode, 403)
  t.equal(await named('New'), undefined)
  const returned = await browser.post(CREATE, fieldsOf(await browser.get(CREATE), typed))
  const right = await browser.post(CREATE, fieldsOf(returned, [['name', 'New']]))
  t.ok(secretIn(right), 'the form that came back works')
})

t.test('an account is made like another one, without its secrets, keys and end', async (t) => {
  const { browser, pattern, named, grantsOf, operations } = await acme(t)
  const found = await browser.get(`${CREATE}?find=patt`)
  t.match(found.body, `href="?like&#61;${pattern.clientId}"`)
  const page = await browser.get(`${CREATE}?like=${pattern.clientId}`)
  t.match(textOf(page), /Like Pattern , it gets operate deployer .* scopes write 1 claim .* 2 grants/)
  t.match(page.body, 'name="role" value="deployer" checked')
  t.match(page.body, 'value="Ann"')
  const typed = [
    ['name', 'Second'],
    ['owner', 'Bob'],
    ['tags', ''],
    ['role', 'operate'],
    ['grant_role', 'view'],
    ['grant_type', 'device'],
    ['ids', 'gw-2'],
  ] as const
  const made = await browser.post(CREATE, fieldsOf(page, typed))
  t.ok(secretIn(made))
  const second = await named('Second')
  t.match(second, {
    roles: ['operate'],
    scopes: ['write'],
    claims: [{ claim: 'team' }],
    metadata: { team: 'a', owner: 'Bob' },
    allowedNetworks: ['10.0.0.0/8'],
    quota: { tokensPerHour: 9, mode: 'monitor' },
    expiresAt: undefined,
  })
  t.same(await grantsOf(second?.clientId), ['manage device/gw-1', 'view device/gw-2', 'view device_group/eu'])

  const fields = fieldsOf(await browser.get(`${CREATE}?like=${pattern.clientId}`), [['name', 'Third']])
  await operations.accounts.update(TESTER, 'acme', pattern.clientId, { roles: ['manage'] })
  const late = await browser.post(CREATE, fields)
  t.equal(late.statusCode, 409)
  t.match(textOf(late), /Pattern was changed meanwhile: look again .* it gets manage/)
  t.equal(await named('Third'), undefined)
  const again = await browser.post(
    CREATE,
    fieldsOf(late, [
      ['name', 'Third'],
      ['role', 'manage'],
    ]),
  )
  t.ok(secretIn(again))
  await operations.accounts.delete(TESTER, 'acme', pattern.clientId)
  t.equal((await browser.get(`${CREATE}?like=${pattern.clientId}`)).statusCode, 404)
  const gone = await browser.post(CREATE, fieldsOf(late, [['name', 'Fourth']]))
  t.equal(await named('Fourth'), undefined)
  t.equal(gone.statusCode, 409)
})
