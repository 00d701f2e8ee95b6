import type { Command } from 'commander'
import { generateMasterKey } from '../crypto/sealing.ts'
import { type InSession, print } from './session.ts'

const HOW_TO_REPLACE_IT = `
To replace the master key while servers run:
  1. generate a new one, put it behind the old one in MASTER_KEY (separated by a comma), in the file of
     MASTER_KEY_FILE or in DATA_DIR/master-key (one a line), and restart every server, one after the other:
     now all of them open what it seals
  2. put it before the old one, and restart every server: now all of them seal with it
  3. mintmark master-key rotate
  4. take the old one away, and restart every server`

export function masterKeyCommands(program: Command, inSession: InSession): void {
  const masterKey = program
    .command('master-key')
    .description('the key that seals all keys in the database')
    .addHelpText('after', HOW_TO_REPLACE_IT)

  masterKey
    .command('generate')
    .description('print a new master key, for MASTER_KEY or the file of MASTER_KEY_FILE')
    .action(() => {
      const key = generateMasterKey()
      print(program, { json: { master_key: key }, text: key })
    })

  masterKey
    .command('rotate')
    .description('seal all keys anew under the first master key; the others are not needed afterwards')
    .action(
      inSession(async ({ operations, actor }) => {
        const resealed = await operations.rotateMasterKey(actor)
        return { json: { resealed }, text: `Keys sealed anew: ${resealed}.` }
      }),
    )
}
