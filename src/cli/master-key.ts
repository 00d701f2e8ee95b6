import type { Command } from 'commander'
import { generateMasterKey } from '../crypto/sealing.ts'
import { type InSession, print } from './session.ts'

export function masterKeyCommands(program: Command, inSession: InSession): void {
  const masterKey = program.command('master-key').description('the key that seals all keys in the database')

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
