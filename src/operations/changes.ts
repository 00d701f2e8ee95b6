import type { Actor, ActorCredential } from '../domain/actor.ts'
import { authorityOfRoles } from '../domain/authority.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { authorityOfSession } from '../domain/portal-session.ts'
import { checkPrecondition, type PresentVersion } from '../domain/precondition.ts'
import { Refusal } from '../domain/refusal.ts'
import { findTokenAccount, lockActors } from '../storage/actor-credentials.ts'
import {
  type DatabaseTransaction,
  inTransaction,
  isTransaction,
  type TransactionOptions,
} from '../storage/database.ts'
import { findPortalSession } from '../storage/portal-sessions.ts'
import { inRealmTransaction } from '../storage/realm-transactions.ts'
import type { Dependencies } from './dependencies.ts'

export interface Change {
  readonly actor: Actor
  /** Throws a Refusal if the actor may not. */
  readonly permit: (actor: Actor) => void
  /** The account to change, as `realm/client_id`. It can change nothing itself until this change has ended. */
  readonly account?: string
  /** The realm to change: its changes run one by one. */
  readonly realmName?: string
  readonly options?: TransactionOptions
}

export interface ChangeScope {
  readonly trx: DatabaseTransaction
  /** The actor with its authority as of this transaction. */
  readonly actor: Actor
  /**
   * States the target's version once it is locked. Every change must call it.
   * @throws Refusal `changed_meanwhile` if the actor's precondition fails
   */
  readonly checkVersion: (present: PresentVersion, what: string) => void
}

type Deps = Pick<Dependencies, 'db' | 'clock'>

/**
 * Runs a change in a transaction, with the actor's current authority: it may have changed since the request arrived.
 * Disabling, demoting or deleting an actor waits for its changes in progress, and no later change
 * of it succeeds.
 * @throws OAuthError `invalid_token` if the actor's credential has ended
 * @throws Refusal of `permit`; `changed_meanwhile`
 */
export async function inChange<T>(
  deps: Deps,
  { actor, permit, account, realmName, options }: Change,
  work: (scope: ChangeScope) => Promise<T>,
): Promise<T> {
  // Before any work: refuses most callers without authority.
  permit(actor)
  const run = async (trx: DatabaseTransaction) => {
    // A part of a larger change has its locks: of thousands of accounts, PostgreSQL could not keep them.
    if (!isTransaction(deps.db)) await lockActors(trx, accountOf(actor.credential), account)
    const present = await presentActor({ ...deps, db: trx }, actor)
    permit(present)
    let checked = actor.precondition === undefined
    const checkVersion = (version: PresentVersion, what: string) => {
      if (actor.precondition) checkPrecondition(actor.precondition, version, what)
      checked = true
    }
    const result = await work({ trx, actor: present, checkVersion })
    if (!checked) throw new TypeError('a change left its precondition unchecked')
    return result
  }
  return realmName === undefined
    ? inTransaction(deps.db, run, options)
    : inRealmTransaction(deps.db, realmName, run, options)
}

/** The actor with its current authority. @throws OAuthError, Refusal */
export async function presentActor(deps: Deps, actor: Actor): Promise<Actor> {
  const { credential } = actor
  if (credential === undefined) return actor
  const authority =
    credential.kind === 'token'
      ? await authorityOfToken(deps, credential)
      : await presentAuthority(deps, credential.idHash)
  return { ...actor, authority }
}

async function authorityOfToken(
  { db, clock }: Deps,
  credential: Extract<ActorCredential, { kind: 'token' }>,
): Promise<Actor['authority']> {
  const account = await findTokenAccount(db, credential, clock())
  if (!account) refuse('the client is gone')
  if (account.disabled) refuse('the client is disabled')
  if (account.statusIndex !== credential.statusIndex) refuse('tokens of the client were revoked')
  if (!account.keyPublished) refuse('no such key')
  if (account.revoked) refuse('the token was revoked')
  return authorityOfRoles(credential.realm, rolesOf(credential.roles, account.roles))
}

async function presentAuthority({ db, clock }: Deps, idHash: string): Promise<Actor['authority']> {
  const session = await findPortalSession(db, idHash, clock())
  if (!session)
    throw new Refusal('forbidden', 'You were signed out meanwhile, so nothing was done. Sign in again.')
  return authorityOfSession(session)
}

/** Roles of the token that its account still has. */
export function rolesOf(granted: readonly string[], held: readonly string[]): readonly string[] {
  return held.filter((role) => granted.includes(role))
}

function accountOf(credential: ActorCredential | undefined): string | undefined {
  return credential?.kind === 'token' ? `${credential.realm}/${credential.clientId}` : undefined
}

function refuse(reason: string): never {
  throw new OAuthError('invalid_token', 'The access token is not valid.', reason)
}
