import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const ROLES = Array.from({ length: 1000 }, (_, n) => `plant.line-${n}.operator-of-the-night-shift`)
const databaseUrl = await testDatabase(t)
const server = await testServer(t, { databaseUrl })
const { operations } = server
const env = onDatabase(databaseUrl)

t.test('a realm has a thousand roles, and an account those that its token has room for', async (t) => {
  await operations.realms.create(TESTER, 'acme')
  const { roles } = await operations.realms.update(TESTER, 'acme', { roles: ROLES })
  t.equal(roles.length, 1000)
  const few = ROLES.slice(-50)
  const made = await operations.accounts.create(TESTER, 'acme', { name: 'A', roles: few })
  const clientId = made.account.clientId
  t.same((await operations.tokens.preview(TESTER, 'acme', clientId)).roles, few)
  await t.rejects(operations.accounts.update(TESTER, 'acme', clientId, { roles: ROLES }), {
    code: 'limit_reached',
    field: 'roles',
  })
  await t.rejects(operations.accounts.update(TESTER, 'acme', clientId, { roles: ['none'] }), {
    message: /^roles must be different ones of: view, .*, and 955 more\.$/,
  })
})

t.test('a thousand roles fit into a request', async (t) => {
  await operations.realms.create(TESTER, 'asked')
  const ask = asking(server, (await adminToken(server, 'asked', ['account-admin'])).token)
  const { status, body } = await ask('PATCH', '/admin/realms/asked', { roles: ROLES })
  t.equal(status, 200, body?.detail)
  t.equal(body.roles.length, 1000)
  const more = Array.from({ length: 2001 }, (_, n) => `r${n}`)
  t.equal((await ask('PATCH', '/admin/realms/asked', { roles: more })).status, 400)
  const longest = more.slice(1).map((role) => `${role}-${'x'.repeat(62 - role.length)}`)
  t.equal((await ask('PATCH', '/admin/realms/asked', { roles: longest })).status, 200)
})

t.test(
  'a realm of Keycloak with a thousand roles is imported, and one with too many is refused by the dry run',
  async (t) => {
    await operations.realms.create(TESTER, 'plant')
    const file = (name: string, roles: readonly string[], clients: number) => {
      const path = join(t.testdirName, name)
      const of = (n: number) => roles.slice(n * (roles.length / clients), (n + 1) * (roles.length / clients))
      const exported = {
        realm: 'plant',
        clients: Array.from({ length: clients }, (_, n) => ({
          clientId: `c${n}`,
          serviceAccountsEnabled: true,
        })),
        users: Array.from({ length: clients }, (_, n) => ({
          serviceAccountClientId: `c${n}`,
          realmRoles: of(n),
        })),
        roles: { realm: roles.map((role) => ({ name: role })) },
      }
      writeFileSync(path, JSON.stringify(exported))
      return path
    }
    t.testdir({})
    const run = async (path: string, ...args: string[]) => {
      const { stdout, stderr } = await mintmark(
        ['import', 'keycloak', '--realm=plant', `--file=${path}`, '--json', ...args],
        env,
      )
      return JSON.parse(stdout || stderr)
    }
    t.match(await run(file('many.json', ROLES, 20)), {
      created: 20,
      refused: 0,
      added: { roles: [...ROLES].sort() },
    })
    const more = Array.from({ length: 2400 }, (_, n) => `r${n}`)
    t.match(await run(file('more.json', more, 24), '--dry-run'), { code: 'invalid', field: 'roles' })
  },
)
