import { isIP } from 'node:net'

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/** Networks of a list separated by commas; `undefined` for each part that is not a network. */
export function parseNetworks(text: string): readonly (string | undefined)[] {
  return text.split(',').flatMap((part) => toNetworks(part.trim()))
}

function toNetworks(part: string): readonly (string | undefined)[] {
  if (Object.hasOwn(NAMED, part)) return NAMED[part] ?? []
  const [, address = '', prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(part) ?? []
  const longest = isIP(address) === 4 ? 32 : 128
  const length = Number(prefix ?? longest)
  return [isIP(address) > 0 && length <= longest ? `${address}/${length}` : undefined]
}
