import { accessSync, constants } from 'node:fs'
import { MAX_REPLICA_LAG_SECONDS } from '../domain/read-lease.ts'
import type { Fault, Read } from './reader.ts'

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
const CERTIFICATE_FILES = ['sslrootcert', 'sslcert', 'sslkey']

/** Addresses of the primary and of a standby to read. */
export function readDatabaseUrls(read: Read, fault: Fault) {
  const databaseUrl = readDatabaseUrl(read, fault, 'DATABASE_URL')
  const url = readDatabaseUrl(read, fault, 'DATABASE_READ_URL')
  const maxLagSeconds = readMaxLag(read, fault)
  if (url !== undefined && databaseUrl === undefined)
    fault('DATABASE_READ_URL needs DATABASE_URL: only the primary can say how old a standby is')
  return { databaseUrl, readReplica: url === undefined ? undefined : { url, maxLagSeconds } }
}

function readMaxLag(read: Read, fault: Fault): number {
  const { default: fallback, min, max } = MAX_REPLICA_LAG_SECONDS
  const text = read('MAX_REPLICA_LAG')
  const seconds = text === undefined ? fallback : Number(text)
  if (/^\d+(\.\d+)?$/.test(text ?? '0') && seconds >= min && seconds <= max) return seconds
  fault(`MAX_REPLICA_LAG must be a number of seconds from ${min} to ${max}`)
  return fallback
}

/** A database address in libpq's format (`postgresql://user:password@host:5432/database?sslmode=verify-full`) with one host. */
function readDatabaseUrl(read: Read, fault: Fault, name: string): string | undefined {
  const text = read(name)
  const problem = text === undefined ? undefined : problemOf(text)
  if (problem !== undefined) fault(`${name} ${problem}`)
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
