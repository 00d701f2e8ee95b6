import { type AccountLine, type AccountOutcome, parseAccountLine } from '../../domain/account-line.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { countForeignHashes, listPresentSecrets } from '../../storage/foreign-hashes.ts'
import { findServiceAccountsByClientId } from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { createImportedAccounts, type NewAccountMethods } from './imported-accounts.ts'
import { type AccountImportDeps, planCredentials, type ReadLine } from './imported-credentials.ts'
import { readLineKeys } from './imported-keys.ts'
import { changeImportedAccount } from './reimported-accounts.ts'
import { readSecrets } from './sent-secrets.ts'

/** Enough to know that there are many. */
export const MAX_COUNTED = 10_000

export type AccountImport = ReturnType<typeof accountImport>

export function accountImport(deps: AccountImportDeps) {
  const { db, refusals } = deps
  return {
    /**
     * Makes service accounts, or changes those that are there by what a line says of them. New ones are made in one
     * transaction. A line that is refused keeps none of the others from being taken.
     * @param entries of unknown shape; a Refusal stands for an unreadable one
     * @returns an outcome for each entry
     * @throws Refusal `forbidden`, `not_found`; OAuthError `temporarily_unavailable`
     */
    import(actor: Actor, realmName: string, entries: readonly unknown[]): Promise<AccountOutcome[]> {
      const attempt = { actor, action: 'service-account.import', realm: realmName } as const
      return refusals.ofChange(attempt, async () => {
        const realm = await requirePresentAuthority(deps, actor, realmName)
        const outcomes: AccountOutcome[] = []
        for (const run of withoutRepeats(
          await Promise.all(entries.map((entry) => parsed(entry, deps.clock()))),
        ))
          outcomes.push(...(await importRun(deps, actor, realm, run)))
        if (outcomes.length > 0) await record(deps, actor, realm, outcomes)
        return outcomes
      })
    },

    /**
     * Makes accounts that have no secret until one is made; the refused keep none of the others from being made.
     * @throws Refusal `forbidden`, `not_found`
     */
    createAll(
      actor: Actor,
      realmName: string,
      accounts: readonly (AccountLine & NewAccountMethods)[],
    ): Promise<AccountOutcome[]> {
      return refusals.ofChange({ actor, action: 'service-account.create', realm: realmName }, () =>
        createImportedAccounts(
          deps,
          actor,
          realmName,
          accounts.map(({ authMethods, jwksUri, ...line }) => ({
            line,
            credentials: [],
            methods: { authMethods, jwksUri },
          })),
        ),
      )
    },

    /** Secrets that still have a foreign hash; `MAX_COUNTED` stands for more. @throws Refusal `forbidden`, `not_found` */
    countForeignHashes(actor: Actor, realmName: string): Promise<number> {
      return refusals.ofRead({ actor, action: 'service-account.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        return countForeignHashes(db, (await realmNamed(db, realmName)).id, MAX_COUNTED)
      })
    },
  }
}

type Parsed = Refused | Pick<ReadLine, 'line' | 'sent' | 'keys'>
type Refused = Extract<AccountOutcome, { status: 'refused' }>

async function parsed(value: unknown, now: Date): Promise<Parsed> {
  let clientId: string | undefined
  try {
    if (value instanceof Refusal) throw value
    const line = parseAccountLine(value)
    clientId = line.clientId
    return { line, sent: readSecrets(line), keys: await readLineKeys(line, now) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { status: 'refused', clientId, refusal: error }
  }
}

/** Runs without a repeated client_id: a line sees what the one before has made. */
function withoutRepeats(lines: readonly Parsed[]): Parsed[][] {
  const runs: Parsed[][] = [[]]
  let seen = new Set<string>()
  for (const one of lines) {
    if ('line' in one) {
      if (seen.has(one.line.clientId)) {
        runs.push([])
        seen = new Set()
      }
      seen.add(one.line.clientId)
    }
    runs.at(-1)?.push(one)
  }
  return runs
}

async function importRun(
  deps: AccountImportDeps,
  actor: Actor,
  realm: Realm,
  run: readonly Parsed[],
): Promise<AccountOutcome[]> {
  const lines = await readPresent(deps, realm.id, run)
  const created = await createNew(deps, actor, realm, lines)
  const outcomes: AccountOutcome[] = []
  for (const one of lines) {
    if ('status' in one) outcomes.push(one)
    else if (one.account)
      outcomes.push(await changeImportedAccount(deps, actor, realm, { ...one, account: one.account }))
    else outcomes.push(created.get(one.line.clientId) as AccountOutcome)
  }
  return outcomes
}

async function readPresent(
  { db, clock }: AccountImportDeps,
  realmId: string,
  run: readonly Parsed[],
): Promise<(Refused | ReadLine)[]> {
  const clientIds = run.flatMap((one) => ('line' in one ? [one.line.clientId] : []))
  const accounts = await findServiceAccountsByClientId(db, realmId, clientIds)
  const byId = new Map(accounts.map((account) => [account.clientId, account]))
  const secrets = Map.groupBy(
    await listPresentSecrets(db, realmId, [...byId.keys()], clock()),
    ({ clientId }) => clientId,
  )
  return run.map((one) =>
    'line' in one
      ? { ...one, account: byId.get(one.line.clientId), secrets: secrets.get(one.line.clientId) ?? [] }
      : one,
  )
}

async function createNew(
  deps: AccountImportDeps,
  actor: Actor,
  realm: Realm,
  lines: readonly (Refused | ReadLine)[],
): Promise<Map<string, AccountOutcome>> {
  const accounts = []
  for (const one of lines) {
    if ('status' in one || one.account) continue
    const owner = { realmId: realm.id, clientId: one.line.clientId }
    const { credentials = [] } = await planCredentials(deps, owner, { ...one, secrets: [] })
    accounts.push({ line: one.line, credentials, keys: one.keys })
  }
  if (accounts.length === 0) return new Map()
  const outcomes = await createImportedAccounts(deps, actor, realm.name, accounts)
  return new Map(accounts.map(({ line }, n) => [line.clientId, outcomes[n] as AccountOutcome]))
}

/** The realm, if the actor may administer it now: it may have been demoted since the last lines. */
function requirePresentAuthority(deps: AccountImportDeps, actor: Actor, realmName: string): Promise<Realm> {
  const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
  return inChange(deps, { actor, permit }, ({ trx, checkVersion }) => {
    checkVersion(null, 'the list')
    return realmNamed(trx, realmName)
  })
}

/** One event that tells of all, beside the one of each account. */
function record(
  { db, clock }: AccountImportDeps,
  actor: Actor,
  realm: Realm,
  outcomes: readonly AccountOutcome[],
): Promise<void> {
  const countOf = (status: AccountOutcome['status']) => outcomes.filter((one) => one.status === status).length
  const counts = {
    created: countOf('created'),
    updated: countOf('updated'),
    unchanged: countOf('unchanged'),
    refused: countOf('refused'),
  }
  return insertAuditEvent(db, realm, done(actor, 'service-account.import', undefined, counts), clock())
}
