import { fingerprint } from '../crypto/fingerprint.ts'
import type { Actor, ActorCredential } from '../domain/actor.ts'
import { authorityOfRoles } from '../domain/authority.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { checkPrecondition, type PresentVersion } from '../domain/precondition.ts'
import { Refusal } from '../domain/refusal.ts'
import { findTokenAccount, lockActors } from '../storage/actor-credentials.ts'
import {
  type Database,
  type DatabaseTransaction,
  inTransaction,
  type TransactionOptions,
} from '../storage/database.ts'
import { findPortalSession } from '../storage/portal-sessions.ts'
import { inRealmTransaction } from '../storage/realm-transactions.ts'
import type { Dependencies } from './dependencies.ts'

export interface Change {
  readonly actor: Actor
  /** Throws a Refusal where the actor may not. */
  readonly permit: (actor: Actor) => void
  /** The account that is changed, as `realm/client_id`: it can do nothing itself until the change has ended. */
  readonly account?: string
  /** The realm that is changed: its changes take turns. */
  readonly realmName?: string
  readonly options?: TransactionOptions
}

export interface ChangeScope {
  readonly trx: DatabaseTransaction
  /** With the authority that it has in this transaction. */
  readonly actor: Actor
  /**
   * Says what the target is, once it is held. Every change has to.
   * @throws Refusal `changed_meanwhile` where the actor's precondition is not met
   */
  readonly checkVersion: (present: PresentVersion, what: string) => void
}

type Deps = Pick<Dependencies, 'db' | 'clock'>

/**
 * Runs a change in a transaction, with the authority that its actor has at that moment: what the actor was when the
 * request came says nothing of what it is now. Whoever disables, demotes or deletes an actor waits for its changes
 * under way, and none comes after.
 * @throws OAuthError `invalid_token` where what the actor came with has ended
 * @throws Refusal of `permit`; `changed_meanwhile`
 */
export async function inChange<T>(
  deps: Deps,
  { actor, permit, account, realmName, options }: Change,
  work: (scope: ChangeScope) => Promise<T>,
): Promise<T> {
  // Before any work: most of those who may not are told so here.
  permit(actor)
  const run = async (trx: DatabaseTransaction) => {
    await lockActors(trx, accountOf(actor.credential), account)
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

/** The actor with the authority that it has at this moment. @throws OAuthError, Refusal */
export async function presentActor(deps: Deps, actor: Actor): Promise<Actor> {
  const { credential } = actor
  if (credential === undefined) return actor
  const authority =
    credential.kind === 'token'
      ? await authorityOfToken(deps.db, credential)
      : await authorityOfSession(deps, credential.idHash)
  return { ...actor, authority }
}

async function authorityOfToken(
  db: Database,
  credential: Extract<ActorCredential, { kind: 'token' }>,
): Promise<Actor['authority']> {
  const account = await findTokenAccount(db, credential)
  if (!account) refuse('the client is gone')
  if (account.disabled) refuse('the client is disabled')
  if (account.statusIndex !== credential.statusIndex) refuse('tokens of the client were revoked')
  if (!account.keyPublished) refuse('no such key')
  if (account.revoked) refuse('the token was revoked')
  return authorityOfRoles(credential.realm, rolesOf(credential.roles, account.roles))
}

async function authorityOfSession({ db, clock }: Deps, idHash: string): Promise<Actor['authority']> {
  const session = await findPortalSession(db, idHash, clock())
  if (!session)
    throw new Refusal('forbidden', 'You were signed out meanwhile, so nothing was done. Sign in again.')
  return { platform: false, realm: session.realm, access: session.access }
}

/** Tells what was shown of something, and of which version, from all else that can be shown of it. */
export function tagOf(version: number | string, shown: unknown): string {
  return `${version}.${fingerprint(JSON.stringify(shown))}`
}

/** Those of a token's roles that its account still has. */
export function rolesOf(granted: readonly string[], held: readonly string[]): readonly string[] {
  return held.filter((role) => granted.includes(role))
}

function accountOf(credential: ActorCredential | undefined): string | undefined {
  return credential?.kind === 'token' ? `${credential.realm}/${credential.clientId}` : undefined
}

function refuse(reason: string): never {
  throw new OAuthError('invalid_token', 'The access token is not valid.', reason)
}
