import { accessSync, constants } from 'node:fs'
import type { Fault, Read } from './reader.ts'

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
const CERTIFICATE_FILES = ['sslrootcert', 'sslcert', 'sslkey']

/** A database address in libpq's format (`postgresql://user:password@host:5432/database?sslmode=verify-full`) with one host. */
export function readDatabaseUrl(read: Read, fault: Fault): string | undefined {
  const text = read('DATABASE_URL')
  const problem = text === undefined ? undefined : problemOf(text)
  if (problem !== undefined) fault(`DATABASE_URL ${problem}`)
  return text
}

function problemOf(text: string): string | undefined {
  const rest = /^postgres(?:ql)?:\/\/([^/?#]*)(.*)$/s.exec(text)
  if (!rest) return 'must begin with postgres:// or postgresql://'
  const [, authority = '', path = ''] = rest
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  // With a socket's folder in ?host=, as for Cloud SQL, the URL has no host.
  const address = `postgres://${authority}${host === '' ? 'localhost' : ''}${path}`
  if (host.includes(','))
    return 'names several hosts; name one: the address that leads to the primary, of a proxy or a service'
  if (!URL.canParse(address))
    return 'is malformed (percent-encode special characters in the user, the password and the path)'
  return parametersProblem(new URL(address).searchParams)
}

function parametersProblem(parameters: URLSearchParams): string | undefined {
  if (parameters.get('host')?.includes(',')) return 'names several hosts in host=; name one'
  const mode = parameters.get('sslmode')
  if (mode !== null && !SSL_MODES.includes(mode))
    return `has an unknown sslmode; use one of ${SSL_MODES.join(', ')}`
  for (const name of CERTIFICATE_FILES) {
    const file = parameters.get(name)
    if (file === null) continue
    try {
      accessSync(file, constants.R_OK)
    } catch (error) {
      return `names a file in ${name} that cannot be read: ${(error as NodeJS.ErrnoException).code}`
    }
  }
  return undefined
}
