import type { Command } from 'commander'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { InSession } from './session.ts'
import { table, time } from './text.ts'

export function portalCommands(program: Command, inSession: InSession): void {
  ofRealm(
    program,
    'portal-link',
    'print a one-time link to the portal of a realm, as Account Admin',
    'the realm',
  ).action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const { url, expiresAt } = await operations.portal.createLink(actor, realm)
      return {
        json: { url, realm, expires_at: expiresAt },
        text: `${url}\n\nIt lets one person in, until ${time(expiresAt)}. Without JavaScript, paste what follows the #.`,
      }
    }),
  )

  const sessions = program.command('portal-session').description('portal sessions of people')

  ofRealm(sessions, 'list', 'list people who are signed in', 'the realm').action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const found = await operations.portal.listSessions(actor, realm)
      const json = found.map((session) => ({
        realm,
        subject: session.subject,
        display_name: session.displayName,
        access: session.access,
        address: session.address,
        created_at: session.createdAt,
      }))
      const rows = found.map((session) => [
        session.subject,
        session.displayName,
        session.access,
        session.address,
        time(session.createdAt),
      ])
      const text =
        rows.length === 0
          ? 'Nobody is signed in.'
          : table(['SUBJECT', 'NAME', 'ACCESS', 'ADDRESS', 'SIGNED IN'], rows)
      return { json, text }
    }),
  )

  ofRealm(sessions, 'end', 'sign a person out, or all people of the realm', 'the realm')
    .option('--subject <subject>', 'subject to sign out (default: everybody)')
    .action(
      inSession(async ({ operations, actor }, { realm, subject }: InRealm & { subject?: string }) => {
        const ended = await operations.portal.endSessions(actor, realm, subject)
        return { json: { realm, ended }, text: `Sessions ended: ${ended}.` }
      }),
    )
}
