import { Refusal } from '../../domain/refusal.ts'
import { isDatabaseUnreachable, reasonOf } from '../../storage/database.ts'
import { RemoteFault } from '../remote-server.ts'

const ADVICE: readonly [code: RegExp, advice: string][] = [
  [/^28/, 'check the user and its password (PGPASSWORD, ~/.pgpass, or the DSN by --dsn -), and pg_hba.conf'],
  [/^3D000/, 'name the database of Hydra in the DSN'],
  [
    /^42P01/,
    'it has no table hydra_client: name the database of Hydra in the DSN, or its schema with ?search_path=…',
  ],
  [/^42501/, 'let the user read: grant select on hydra_client to …'],
  [
    /^(CERT|ERR_TLS|ERR_SSL|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/,
    'check sslmode and sslrootcert in the DSN',
  ],
]

/** Explains an error of Hydra's database, and what to do; other errors stay as they are. */
export function hydraFault(error: unknown): unknown {
  if (error instanceof Refusal || !(error instanceof Error)) return error
  const { code = '' } = error as { code?: string }
  const advice = /\bSSL\b/.test(error.message)
    ? 'check sslmode in the DSN'
    : ADVICE.find(([form]) => form.test(code))?.[1]
  const isPassword = /password must be a string/.test(error.message)
  const text = isPassword
    ? 'the database of Hydra asks for a password: give it in PGPASSWORD, in ~/.pgpass, or in the DSN by --dsn -'
    : [`the database of Hydra: ${reasonOf(error)}`, advice].filter(Boolean).join('; ')
  if (isDatabaseUnreachable(error)) return new RemoteFault(text)
  return code !== '' || isPassword || advice !== undefined ? new Refusal('invalid', text) : error
}
