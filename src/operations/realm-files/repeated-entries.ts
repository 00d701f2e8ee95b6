import type { FilePath } from '../../domain/realm-file-fault.ts'
import { MAX_WEBHOOKS } from '../../domain/webhook.ts'
import type { FileFaults, Place } from './file-faults.ts'
import { MAX_ACCOUNTS, MAX_RESOURCES } from './realm-file-limits.ts'
import type { RealmFile } from './realm-file-schema.ts'

/** Refuses what a document names twice: one of the two would not count. And more than a file may have. */
export function requireSingle(value: RealmFile, faults: FileFaults, place: Place): void {
  const {
    service_accounts: accounts = [],
    resources = [],
    trusted_issuers: issuers = [],
    webhooks = [],
  } = value
  const limits = [
    ['service_accounts', accounts.length, MAX_ACCOUNTS],
    ['resources', resources.length, MAX_RESOURCES],
    ['webhooks', webhooks.length, MAX_WEBHOOKS],
  ] as const
  for (const [list, count, limit] of limits)
    if (count > limit)
      faults.add(place, [list], {
        code: 'limit_reached',
        detail: `A realm file has at most ${limit} of them.`,
      })

  const single = <T>(list: FilePath, entries: readonly T[], keyOf: (entry: T) => string | undefined) => {
    const seen = new Map<string, number>()
    entries.forEach((entry, index) => {
      const key = keyOf(entry)
      const first = key === undefined ? undefined : seen.get(key)
      if (first !== undefined)
        faults.add(place, [...list, index], { detail: `It is the same as entry ${first} of this list.` })
      else if (key !== undefined) seen.set(key, index)
    })
  }
  single(['trusted_issuers'], issuers, ({ issuer }) => issuer)
  single(['resources'], resources, ({ type, id }) => `${type}/${id}`)
  single(['service_accounts'], accounts, ({ client_id }) => client_id)
  accounts.forEach(({ keys = [], grants = [] }, index) => {
    const own = ['service_accounts', index]
    single([...own, 'keys'], keys, ({ kid }) => kid)
    single([...own, 'grants'], grants, ({ role, type, id }) => `${role}/${type}/${id}`)
  })
}
