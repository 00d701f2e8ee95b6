import type { AccountLine, AccountOutcome } from '../domain/account-line.ts'
import type { ImportPlan, LeftBehind } from '../domain/import-plan.ts'
import { knownAudiences, type Realm } from '../domain/realm.ts'
import { checkNames } from '../domain/realm-settings.ts'
import { Refusal } from '../domain/refusal.ts'
import { accountLineToWire } from '../wire/account-outcome.ts'
import type { Answer, Session } from './session.ts'
import { progressBar } from './text.ts'

/** Accounts per transaction. */
const CHUNK = 500

export interface PlanOptions {
  readonly realm: string
  readonly dryRun?: boolean
}

/** Additions to the realm, so that the accounts keep what they had. */
interface RealmAdditions {
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
}

/** Makes of a plan what it says, or tells it alone. */
export async function importPlan(
  { operations, actor, publicUrl, terminal }: Session,
  plan: ImportPlan,
  { realm: realmName, dryRun = false }: PlanOptions,
): Promise<Answer> {
  const realm = await operations.realms.find(actor, realmName)
  const added = additionsOf(plan, realm)
  const merged = {
    roles: [...realm.roles, ...added.roles],
    scopes: [...realm.scopes, ...added.scopes],
    audiences: [...realm.audiences, ...added.audiences],
  }
  const gaps = audienceGaps(plan, knownAudiences({ ...realm, ...merged }, publicUrl))
  const left = [...plan.left, ...gaps]
  requireRoom(plan, realm)
  checkNames(merged, realm)
  if (dryRun) return answerOf(plan, added, left, undefined)
  if (Object.values(added).some(({ length }) => length > 0))
    await operations.realms.update(actor, realmName, {
      ...merged,
      expectedVersion: realm.version,
    })
  const entries = plan.accounts.map(accountLineToWire)
  const outcomes: AccountOutcome[] = []
  for (let start = 0; start < entries.length; start += CHUNK) {
    const chunk = entries.slice(start, start + CHUNK)
    outcomes.push(...(await operations.accounts.import(actor, realmName, chunk)))
    terminal.progress(progressBar('importing', outcomes.length, entries.length))
  }
  terminal.progress('')
  return answerOf(plan, added, [...left, ...outcomes.flatMap(leftOf)], outcomes)
}

function requireRoom({ accounts }: ImportPlan, { name, serviceAccountLimit }: Realm): void {
  if (accounts.length <= serviceAccountLimit) return
  throw new Refusal(
    'limit_reached',
    `Realm ${name} may have ${serviceAccountLimit} service accounts, and these are ${accounts.length}: mintmark realm update ${name} --service-account-limit <number>`,
    undefined,
    serviceAccountLimit,
  )
}

function additionsOf(plan: ImportPlan, realm: Realm): RealmAdditions {
  const roles = new Set(plan.accounts.flatMap((account) => account.roles ?? []))
  const scopes = new Set(plan.accounts.flatMap((account) => account.scopes ?? []))
  const counts = new Map<string, number>()
  for (const one of [...plan.audiences.values()].flat()) counts.set(one, (counts.get(one) ?? 0) + 1)
  const audiences = [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name)
  // The first audience is that of all tokens: accounts that are there must not get another one.
  const mayAdd = realm.audiences.length > 0 || realm.serviceAccountCount === 0
  return {
    roles: [...roles].filter((role) => !realm.roles.includes(role)).sort(),
    scopes: [...scopes].filter((scope) => !realm.scopes.includes(scope)).sort(),
    audiences: mayAdd ? audiences.filter((one) => !realm.audiences.includes(one)) : [],
  }
}

/** Clients whose tokens will be for another audience, unless they ask for theirs. */
function audienceGaps({ audiences, audiencesAreAsked }: ImportPlan, known: readonly string[]): LeftBehind[] {
  const [usual = ''] = known
  if (audiencesAreAsked) return unknownAudiences(audiences, known)
  return [...audiences].flatMap(([clientId, own]) =>
    own
      .filter((one) => own.length > 1 || one !== usual)
      .map((one) => ({
        clientId,
        reason: `Audience ${one}: tokens are for ${usual} unless the client asks for another one of the realm with resource=…`,
      })),
  )
}

/** Audiences that the realm does not get, so that a client cannot ask for its own. */
function unknownAudiences(audiences: ImportPlan['audiences'], known: readonly string[]): LeftBehind[] {
  return [...audiences].flatMap(([clientId, own]) =>
    own
      .filter((one) => !known.includes(one))
      .map((one) => ({
        clientId,
        reason: `Audience ${one}: the accounts of the realm would get another usual one by it. Add it yourself: mintmark realm update --audience …`,
      })),
  )
}

/** Lines that were refused or left unchanged. */
function leftOf(outcome: AccountOutcome): LeftBehind[] {
  const reason = outcome.status === 'refused' ? outcome.refusal.message : outcome.detail
  return reason === undefined ? [] : [{ clientId: outcome.clientId ?? '', reason }]
}

/** It cannot authenticate until it gets something. */
function isBare({ clientSecret, secretHash, jwks, jwksUri }: AccountLine): boolean {
  const hasKey = jwksUri !== undefined || (jwks?.keys.length ?? 0) > 0
  return clientSecret === undefined && secretHash === undefined && !hasKey
}

function answerOf(
  { accounts, notes }: ImportPlan,
  added: RealmAdditions,
  left: readonly LeftBehind[],
  /** `undefined`: nothing was done. */
  outcomes: readonly AccountOutcome[] | undefined,
): Answer {
  const counts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  for (const { status } of outcomes ?? []) counts[status]++
  const withoutSecret = accounts.filter(isBare).length
  const withOld = accounts.filter(({ oldClientSecret: old }) => old).length
  const told = Object.entries(added).map(
    ([what, names]) => `${what} added to the realm: ${names.join(' ') || 'none'}`,
  )
  const text = [
    ...(outcomes === undefined
      ? [`accounts that would be imported: ${accounts.length}`]
      : Object.entries(counts).map(([status, count]) => `${status}: ${count}`)),
    `without a secret: ${withoutSecret}`,
    `with the secret before a rotation too: ${withOld}`,
    ...told,
    `not taken over: ${left.length}`,
    ...left.map(({ clientId, reason }) => `  ${clientId}: ${reason}`),
    ...notes,
  ]
  return {
    json: {
      dry_run: outcomes === undefined,
      accounts: accounts.map(({ clientId }) => clientId),
      ...counts,
      without_secret: withoutSecret,
      with_old_secret: withOld,
      added,
      left: left.map(({ clientId, reason }) => ({ client_id: clientId, reason })),
      notes,
    },
    // The file's texts may have control characters, which a terminal would obey.
    text: text.map((line) => line.replaceAll(/\p{Cc}/gu, '\ufffd')).join('\n'),
  }
}
