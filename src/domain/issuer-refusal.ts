import type { PlatformTokenFault } from './platform-token.ts'

/** A token of a trusted issuer that was refused. */
export interface IssuerRefusal {
  readonly at: Date
  readonly reason: PlatformTokenFault
  /** Its sub, by its own word. */
  readonly subject: string | undefined
  /** The client_id that was sent beside it. */
  readonly clientId: string | undefined
  readonly address: string
}

/** Refusals that are kept of each issuer. */
export const MAX_REFUSALS = 20

const MAX_TEXT = 200

/** A stranger's text: cut, and without characters that cannot be seen or stored. */
export function strangersText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const cut = value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd')
}
