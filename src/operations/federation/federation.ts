import type { Dependencies } from '../dependencies.ts'
import { explanations } from './explain.ts'
import type { FetchedKeys } from './fetched-keys.ts'
import type { IssuerRefusals } from './issuer-refusals.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'refusals'>

/** What administrators ask about tokens of trusted issuers: why one is refused, and which were. */
export function federation(deps: Deps, fetched: FetchedKeys, noted: IssuerRefusals) {
  return { ...explanations(deps, fetched), refusals: noted.list }
}
