import { PERIOD_SECONDS, startOf } from '../../domain/activity.ts'
import type { RefusedReason } from '../../domain/refused-request.ts'
import { isClientId } from '../../domain/service-account.ts'
import type { CountOwner } from '../../storage/token-counts.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Origin } from './origins.ts'

/** Maximum of accounts counted between two writes; beyond it, requests are counted for their realm alone. */
const CAPACITY = 200_000

/** How many of them may have begun with a refusal: requests can make up client_ids. */
const REFUSED_CAPACITY = 20_000

const HOUR_MILLISECONDS = PERIOD_SECONDS.hour * 1000

/** Counts a realm as a client without a name. */
export const REALM_ITSELF = ''

export interface Count {
  issued: number
  refused: number
  /** Where the tokens were asked from. */
  origins: Origin[] | undefined
  refusals: Refusals | undefined
}

interface Refusals {
  readonly reasons: Map<RefusedReason, number>
  readonly origins: Origin[]
}

/** What an account or realm asked for in an hour. */
export interface CountedHour extends CountOwner {
  readonly startsAt: Date
  readonly count: Count
}

export type CountedHours = ReturnType<typeof countedHours>

/** Counts of the present hour in memory, and of earlier ones until they are taken. */
export function countedHours({ clock }: Pick<Dependencies, 'clock'>) {
  let startsAt = 0
  let realms = new Map<string, Map<string, Count>>()
  let taken: CountedHour[] = []
  let accounts = 0
  let strangers = 0

  function of(realmId: string, clientId: string): Count {
    const now = clock().getTime()
    if (now < startsAt || now >= startsAt + HOUR_MILLISECONDS) {
      takeAll()
      startsAt = startOf('hour', new Date(now)).getTime()
    }
    const realm = realms.get(realmId) ?? new Map<string, Count>()
    const known = realm.get(clientId)
    if (known) return known
    const count: Count = { issued: 0, refused: 0, origins: undefined, refusals: undefined }
    if (clientId !== REALM_ITSELF && accounts >= CAPACITY) return count
    realms.set(realmId, realm.set(clientId, count))
    accounts++
    return count
  }

  /** The client_id is what a request said, and may belong to no account. */
  function ofSaid(realmId: string, clientId: string): Count | undefined {
    const known = realms.get(realmId)?.get(clientId)
    if (known) return of(realmId, clientId)
    if (!isClientId(clientId) || strangers >= REFUSED_CAPACITY) return undefined
    strangers++
    // A copy: a part of the request would keep all of it in memory.
    return of(realmId, Buffer.from(clientId, 'latin1').toString('latin1'))
  }

  function takeAll(): void {
    const start = new Date(startsAt)
    for (const [realmId, clients] of realms)
      for (const [clientId, count] of clients) taken.push({ realmId, clientId, startsAt: start, count })
    realms = new Map()
    accounts = 0
    strangers = 0
  }

  function take({ realmId, clientId }: CountOwner): void {
    const count = realms.get(realmId)?.get(clientId)
    if (!count) return
    realms.get(realmId)?.delete(clientId)
    accounts--
    taken.push({ realmId, clientId, startsAt: new Date(startsAt), count })
  }

  return {
    of,
    ofSaid,

    /** Returns the counts, of these owners or of all; later requests begin new ones. */
    take(owners?: readonly CountOwner[]): CountedHour[] {
      if (owners) for (const owner of owners) take(owner)
      else takeAll()
      const all = taken
      taken = []
      return all
    },
  }
}
