import { readFileSync } from 'node:fs'

/** Trimmed value of a variable; an empty one counts as unset. */
export type Read = (name: string) => string | undefined
export type Fault = (message: string) => void

/** Variables that a file can hold: `<name>_FILE` names the file. */
const FROM_FILE = [
  'DATABASE_URL',
  'DATABASE_READ_URL',
  'MASTER_KEY',
  'METRICS_TOKEN',
  'BOOTSTRAP_ADMIN_CLIENT_SECRET',
]

/** Variables that are not passed on to other processes. */
export const SECRET_VARIABLES = [...FROM_FILE, 'PORTAL_OIDC_CLIENT_SECRET']

export function environmentReader(env: NodeJS.ProcessEnv, fault: Fault): Read {
  const readPlain = (name: string) => env[name]?.trim() || undefined
  const secrets = new Map(FROM_FILE.map((name) => [name, readSecret(readPlain, fault, name)]))
  return (name) => (secrets.has(name) ? secrets.get(name) : readPlain(name))
}

function readSecret(read: Read, fault: Fault, name: string): string | undefined {
  const value = read(name)
  const file = read(`${name}_FILE`)
  if (file === undefined) return value
  if (value !== undefined) {
    fault(`${name} and ${name}_FILE are both set; set one of them`)
    return undefined
  }
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (text === '') fault(`${name}_FILE names an empty file; write the value of ${name} into it`)
    return text || undefined
  } catch (error) {
    fault(`${name}_FILE cannot be read: ${(error as NodeJS.ErrnoException).code}`)
    return undefined
  }
}
