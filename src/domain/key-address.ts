import { Refusal } from './refusal.ts'

export const MAX_KEY_ADDRESS_LENGTH = 1024

/**
 * Address of a key document: https, or http on this machine, where the operator has to allow it as well.
 * @throws Refusal `invalid`
 */
export function parseKeyAddress(text: string, field: string): string {
  const url = keyUrl(text)
  if (typeof url === 'string') throw new Refusal('invalid', `${field}: ${url}`, field)
  return url.href
}

/** The address, or why none may be fetched there. */
export function keyUrl(text: string): URL | string {
  if (text.length > MAX_KEY_ADDRESS_LENGTH)
    return `An address has ${MAX_KEY_ADDRESS_LENGTH} characters at most.`
  // Parsers skip or rewrite these; what is stored and shown is what is fetched.
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes('\\'))
    return 'An address has printable ASCII characters alone.'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '')
    return 'The address must be an https URL.'
  if (url.username || url.password || /^https?:\/\/[^/?#]*@/i.test(text))
    return 'The address must have no user name and no password.'
  if (text.includes('#')) return 'The address must have no fragment.'
  if (url.protocol === 'http:' && !isLoopbackName(url.hostname))
    return 'The address must be an https URL; http is for this machine alone.'
  return isUsualPort(url) ? url : 'The port must be 443, or 1024 and above.'
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Other services live on the ports below, and none of them publishes keys. */
function isUsualPort({ protocol, port }: URL): boolean {
  return port === '' || Number(port) >= 1024 || (protocol === 'http:' && port === '80')
}
