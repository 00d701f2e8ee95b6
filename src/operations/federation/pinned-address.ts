import { lookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import type { AllowedAddresses } from './allowed-addresses.ts'
import { KeyFetchError } from './key-fetch-error.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** All addresses of a name. */
export type ResolveName = (name: string) => Promise<readonly ResolvedAddress[]>

export const resolveBySystem: ResolveName = (name) => lookup(name, { all: true })

/**
 * Resolves the name of a URL once. Every address must be allowed, so that no answer can lead elsewhere.
 * @throws KeyFetchError
 */
export async function pinAddress(
  { hostname, protocol }: URL,
  allowed: AllowedAddresses,
  resolve: ResolveName,
): Promise<readonly ResolvedAddress[]> {
  const literal = /^\[(.+)\]$/.exec(hostname)?.[1]
  const addresses = literal ? [{ address: literal, family: 6 }] : await resolveName(hostname, resolve)
  if (addresses.length === 0) throw new KeyFetchError('name')
  const isRight = protocol === 'http:' ? allowed.isAllowedLoopback : allowed.isAllowed
  const wrong = addresses.find(({ address }) => !isRight(address))
  if (wrong) throw new KeyFetchError('network', undefined, `${hostname} is ${wrong.address}`)
  return addresses
}

async function resolveName(name: string, resolve: ResolveName): Promise<readonly ResolvedAddress[]> {
  try {
    return await resolve(name)
  } catch (error) {
    throw new KeyFetchError('name', undefined, (error as Error).message)
  }
}

/** Answers a connection's look-up with these addresses, whatever the name resolves to by then. */
export function pinnedLookup(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_name, options, answer) => {
    const [first] = addresses
    if (options.all) answer(null, [...addresses])
    else answer(null, first?.address ?? '', first?.family)
  }
}
