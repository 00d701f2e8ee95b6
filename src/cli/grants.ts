import type { Command } from 'commander'
import type { Grant, GrantKey } from '../domain/grant.ts'
import { grantToWire } from '../wire/grant.ts'
import { allItems } from './all-items.ts'
import { parseResourceName } from './protected-resources.ts'
import { type InRealm, ofAccount } from './realm-options.ts'
import type { InSession } from './session.ts'
import type { Text } from './table.ts'
import { table, time } from './text.ts'

const PAGE = 1000

export function grantCommands(program: Command, inSession: InSession): void {
  const group = program.command('grant').description('roles of a service account on single resources')

  ofAccount(group, 'list', 'grants that it has').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      const grants = await allItems((after) =>
        operations.grants.list(actor, realm, clientId, { after, limit: PAGE }),
      )
      return { json: grants.map(grantToWire), text: listText(grants) }
    }),
  )

  ofGrant(group, 'add', 'give it a role on a resource; its next token says so').action(
    inSession(async ({ operations, actor }, ...[clientId, role, on, { realm }]: OnGrant) => {
      const grant = readGrant(role, on)
      const { added } = await operations.grants.add(actor, realm, clientId, grant)
      const text = added ? `${clientId} has ${role} on ${on}.` : `${clientId} had ${role} on ${on} already.`
      return { json: { ...grant, added }, text }
    }),
  )

  ofGrant(group, 'remove', 'take a role on a resource away; its next token says so').action(
    inSession(async ({ operations, actor }, ...[clientId, role, on, { realm }]: OnGrant) => {
      const grant = readGrant(role, on)
      await operations.grants.remove(actor, realm, clientId, grant)
      return { json: { ...grant, removed: true }, text: `${clientId} has ${role} on ${on} no more.` }
    }),
  )
}

/** Arguments and options of a command on one grant. */
type OnGrant = [clientId: string, role: string, on: string, options: InRealm]

function ofGrant(group: Command, name: string, description: string): Command {
  return ofAccount(group, name, description)
    .argument('<role>')
    .argument('<type/id>', 'for example device_group/eu-edge')
}

function readGrant(role: string, on: string): GrantKey {
  return { role, ...parseResourceName(on) }
}

function listText(grants: readonly Grant[]): Text {
  if (grants.length === 0)
    return 'It has no grants. Give one: mintmark grant add <client_id> <role> <type/id>'
  const rows = grants.map(({ role, type, id, name, createdAt }) => [
    role,
    `${type}/${id}`,
    name,
    time(createdAt),
  ])
  return table(['ROLE', 'ON', 'NAME', 'SINCE'], rows)
}
