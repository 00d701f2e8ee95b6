/** Why keys could not be fetched. Shown to administrators of the realm, so it tells nothing of the network. */
export const KEY_FAULTS = {
  address: 'the address is not one that keys are fetched from',
  network:
    'the address is in a network that the operator has not allowed: ISSUER_NETWORKS names such networks',
  name: 'the name of the server was not found',
  connection: 'the server could not be reached',
  certificate: 'the certificate of the server is not trusted: ISSUER_CA_FILE adds authorities',
  timeout: 'the server did not answer in time',
  busy: 'too many documents are being fetched at once',
  redirect: 'the server redirects, which is not followed: use the address that it leads to',
  status: 'the server answered with an error',
  encoding: 'the server compressed its answer though none was asked for',
  size: 'the document is too large',
  json: 'the document is not a JSON object',
  issuer: 'the issuer in the discovery document is another one',
  jwks_uri: 'the discovery document has no usable jwks_uri',
  no_keys: 'the document has no array of keys',
  too_many_keys: 'the document has too many keys',
  no_readable_key: 'none of the keys in the document can be used',
} as const
export type KeyFault = keyof typeof KEY_FAULTS

/** A key document could not be fetched or read. */
export class KeyFetchError extends Error {
  override readonly name = 'KeyFetchError'
  readonly fault: KeyFault
  /** For the administrator. */
  readonly description: string

  /**
   * @param told what may be shown beside it
   * @param detail for the log alone
   */
  constructor(fault: KeyFault, told?: string, detail?: string) {
    const description = KEY_FAULTS[fault] + (told === undefined ? '' : ` (${told})`)
    super(detail === undefined ? description : `${description}: ${detail}`)
    this.fault = fault
    this.description = description
  }
}
