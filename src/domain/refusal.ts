export type RefusalCode =
  | 'not_found'
  | 'invalid'
  | 'name_taken'
  | 'client_id_taken'
  | 'limit_reached'
  | 'forbidden'
  | 'conflict'
  | 'changed_meanwhile'
  | 'last_administrator'
  | 'key_reused'

/** An administrative request that was refused. The message is for the administrator. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  /** Wire name of the faulty member, if there is one. */
  readonly field: string | undefined
  /** The limit that was reached, if there is one. */
  readonly limit: number | undefined

  constructor(code: RefusalCode, message: string, field?: string, limit?: number) {
    super(message)
    this.code = code
    this.field = field
    this.limit = limit
  }
}

export function unknownRealm(name: string): Refusal {
  return new Refusal('not_found', `There is no realm ${name}.`, 'realm')
}
