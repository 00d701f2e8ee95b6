import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { parseNetworks } from './networks.ts'
import type { Fault, Read } from './reader.ts'

export interface KeyFetching {
  /** Private networks that keys of issuers may be fetched from (`10.20.0.0/16`). */
  readonly networks: readonly string[]
  /** Certificates in PEM of authorities that are trusted beside those of the system. */
  readonly ca: string | undefined
}

export function readKeyFetching(read: Read, fault: Fault): KeyFetching {
  return { networks: readNetworks(read, fault, 'ISSUER_NETWORKS', 'issuers'), ca: readCa(read, fault) }
}

/** Who may be asked for keys may not be sent to: that takes a list of its own. Authorities are the same. */
export function readWebhookSending(read: Read, fault: Fault, { ca }: KeyFetching): KeyFetching {
  return { networks: readNetworks(read, fault, 'WEBHOOK_NETWORKS', 'receivers'), ca }
}

function readNetworks(read: Read, fault: Fault, name: string, whose: string): readonly string[] {
  const text = read(name)
  if (text === undefined) return []
  const networks = parseNetworks(text)
  if (networks.some((network) => network?.endsWith('/0')))
    fault(
      `${name} may not name every address, or an administrator of a realm could make the server call any machine: name the networks of your ${whose} (10.20.0.0/16)`,
    )
  else if (networks.includes(undefined))
    fault(`${name} must be addresses and networks (10.20.0.0/16, fd12::/32) separated by commas`)
  return networks.filter((network) => network !== undefined)
}

function readCa(read: Read, fault: Fault): string | undefined {
  const file = read('ISSUER_CA_FILE')
  if (file === undefined) return undefined
  const text = readText(file, fault)
  if (text === undefined) return undefined
  try {
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no certificate')
    // As a chain it is read strictly; as `ca`, what cannot be read is skipped.
    createSecureContext({ cert: text })
    return text
  } catch {
    fault('ISSUER_CA_FILE must name a file of certificates in PEM (-----BEGIN CERTIFICATE-----)')
    return undefined
  }
}

function readText(file: string, fault: Fault): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    fault(`ISSUER_CA_FILE cannot be read: ${(error as NodeJS.ErrnoException).code}`)
    return undefined
  }
}
