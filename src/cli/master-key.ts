import type { Command } from 'commander'
import { generateMasterKey } from '../crypto/sealing.ts'
import type { InSession } from './session.ts'
import type { Terminal } from './terminal.ts'

const HOW_TO_REPLACE_IT = `
To replace the master key while servers run:
  1. generate a new one, put it behind the old one in MASTER_KEY (separated by a comma), in the file of
     MASTER_KEY_FILE or in DATA_DIR/master-key (one a line), and restart every server, one after the other:
     now all of them open what it seals
  2. put it before the old one, and restart every server: now all of them seal with it
  3. mintmark master-key rotate (refused while a running server does not have the new one)
  4. take the old one away, and restart every server`

const AFTER_A_COMPROMISE = `
After somebody may have got a copy of the database and the master key:
  do the steps above with a new key, and step 3 with --after-compromise. All tokens that are out stop being valid: by
  introspection at once, for those who validate by JWKS when their copy of it has expired. Clients get new tokens with
  the secrets that they have: a generated secret has 256 bits and cannot be found from what is stored.`

const AFTERWARDS = `Next: restart every server, without the old master key, so that all of them use the new portal key.
Reset every secret that was imported or is your bootstrap secret: a short one can be found from what is stored.
End the portal's tokens at your identity provider.`

export function masterKeyCommands(program: Command, inSession: InSession, terminal: Terminal): void {
  const masterKey = program
    .command('master-key')
    .description('master key, which seals all keys in the database')
    .addHelpText('after', HOW_TO_REPLACE_IT + AFTER_A_COMPROMISE)

  masterKey
    .command('generate')
    .description('print a new master key, for MASTER_KEY or the file of MASTER_KEY_FILE')
    .action(() => {
      const key = generateMasterKey()
      terminal.print({ json: { master_key: key }, text: key })
    })

  masterKey
    .command('rotate')
    .description('seal all keys again under the first master key; the others can then be removed')
    .option('--after-compromise', 'also replace all signing keys and the portal key, and sign all people out')
    .action(
      inSession(async ({ operations, actor }, { afterCompromise = false }: { afterCompromise?: boolean }) => {
        const resealed = await operations.masterKey.rotate(actor)
        const text = `Keys sealed anew: ${resealed}.`
        if (!afterCompromise) return { json: { resealed }, text }
        const { realms, signingKeys, portalSessions } = await operations.masterKey.replaceCompromised(actor)
        return {
          json: {
            resealed,
            realms,
            signing_keys_revoked: signingKeys,
            portal_sessions_ended: portalSessions,
          },
          text: `${text}
Realms with a new signing key: ${realms}; signing keys revoked: ${signingKeys}; portal sessions ended: ${portalSessions}.
${AFTERWARDS}`,
        }
      }, 'it needs the master keys, which no server gives away'),
    )
}
