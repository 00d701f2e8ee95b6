import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createApp } from '../../examples/resource-server/app.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('an account sees and restarts the devices that it may, and none once it is deleted', async (t) => {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const issuer = `${publicUrl}/realms/acme`
  const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
  const { app, operations, log } = await testServer(t, { publicUrl, clock })
  await operations.realms.create(TESTER, 'acme')
  await app.listen({ port, host: 'localhost' })
  const api = await createApp({ issuer, audience: issuer })
  t.teardown(() => api.close())

  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', {
    name: 'operator',
    roles: [],
  })
  const { clientId } = account
  await operations.resources.put(TESTER, 'acme', {
    type: 'device_group',
    id: 'eu-edge',
    name: 'EU edge',
    groups: [],
  })
  await operations.resources.put(TESTER, 'acme', {
    type: 'device',
    id: 'gate-7',
    name: 'Gate 7',
    groups: [],
  })
  for (const role of ['view', 'operate'])
    await operations.grants.add(TESTER, 'acme', clientId, { type: 'device_group', id: 'eu-edge', role })
  await operations.grants.add(TESTER, 'acme', clientId, { type: 'device', id: 'gate-7', role: 'view' })

  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  })
  const answer = await fetch(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body })
  const { access_token } = (await answer.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${access_token}` }

  const list = await api.inject({ url: '/api/v1/devices', headers })
  t.equal(list.statusCode, 200, list.body)
  t.same(
    list.json().items.map(({ id }: { id: string }) => id),
    ['pump-1', 'pump-2', 'gate-7'],
  )
  const restart = async (id: string) =>
    (await api.inject({ method: 'POST', url: `/api/v1/devices/${id}/restart`, headers })).statusCode
  t.same([await restart('pump-1'), await restart('gate-7'), await restart('nothing')], [202, 403, 404])
  t.equal((await api.inject('/api/v1/devices')).statusCode, 401)

  await operations.accounts.delete(TESTER, 'acme', clientId)
  const lists = () => log.filter((line) => line.includes('status-lists')).length
  const fetchesBefore = lists()
  while ((await api.inject({ url: '/api/v1/devices', headers })).statusCode !== 401) await sleep(100)
  t.equal(lists() - fetchesBefore, 1, 'the next status list has it refused')
})
