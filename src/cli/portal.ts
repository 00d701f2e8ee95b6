import { type Command, Option } from 'commander'
import { portalSessionToWire } from '../wire/portal-session.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { InSession } from './session.ts'
import { table, time } from './text.ts'

interface LinkOptions extends InRealm {
  readonly for?: string
  readonly viewer?: boolean
  readonly platformAdmin?: boolean
}

interface EndOptions extends InRealm {
  readonly subject?: string
  readonly id?: string
}

export function portalCommands(program: Command, inSession: InSession): void {
  ofRealm(
    program,
    'portal-link',
    'print a one-time link to the portal of a realm, as Account Admin',
    'the realm',
  )
    .option('--for <name>', 'name of the person, for the portal, the audit trail and the list of sessions')
    .option('--viewer', 'as a viewer, who sees everything and changes nothing')
    .addOption(
      new Option(
        '--platform-admin',
        'as a platform administrator, who makes, enters and deletes realms (--realm system)',
      ).conflicts('viewer'),
    )
    .action(
      inSession(
        async (
          { operations, actor },
          { realm, for: person, viewer, platformAdmin: platform = false }: LinkOptions,
        ) => {
          const access = viewer ? 'view' : 'administer'
          const asked = { person, access, platform } as const
          const { url, expiresAt } = await operations.portal.createLink(actor, realm, asked)
          const role = platform ? ' as a platform administrator' : viewer ? ' as a viewer' : ''
          return {
            json: { url, realm, person: person ?? null, access, platform, expires_at: expiresAt },
            text: `${url}\n\nIt lets ${person ?? 'one person'} in${role}, until ${time(expiresAt)}. Without JavaScript, paste what follows the #.`,
          }
        },
      ),
    )

  const sessions = program.command('portal-session').description('portal sessions of people')

  ofRealm(sessions, 'list', 'list people who are signed in', 'the realm').action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const found = await operations.portal.listSessions(actor, realm)
      const json = found.map((session) => portalSessionToWire(session, realm))
      const rows = found.map((session) => [
        session.subject,
        session.displayName,
        session.platform ? 'platform' : session.access,
        session.address,
        time(session.createdAt),
        session.id,
      ])
      const text =
        rows.length === 0
          ? 'Nobody is signed in.'
          : table(['SUBJECT', 'NAME', 'ACCESS', 'ADDRESS', 'SIGNED IN', 'ID'], rows)
      return { json, text }
    }),
  )

  ofRealm(sessions, 'end', 'sign a person out, or all people of the realm', 'the realm')
    .addOption(new Option('--subject <subject>', 'subject to sign out (default: everybody)').conflicts('id'))
    .option('--id <id>', 'one session, by its id in the list')
    .action(
      inSession(async ({ operations, actor }, { realm, subject, id }: EndOptions) => {
        const ended = await operations.portal.endSessions(actor, realm, subject, id)
        return { json: { realm, ended }, text: `Sessions ended: ${ended}.` }
      }),
    )
}
