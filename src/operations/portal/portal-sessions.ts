import { newPortalToken, portalTokenHash } from '../../crypto/portal-token.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { type Access, requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import { LINK_SECONDS, portalActor, SESSION_SECONDS } from '../../domain/portal-session.ts'
import { SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { parseDisplayName } from '../../domain/service-account.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { inTransaction } from '../../storage/database.ts'
import { deleteEndedPortalSessions } from '../../storage/ended-portal-sessions.ts'
import { insertPortalForm } from '../../storage/portal-forms.ts'
import { deletePortalLink, insertPortalLink } from '../../storage/portal-links.ts'
import {
  endPortalSessions,
  insertPortalSession,
  listPortalSessions,
  type StoredPortalSession,
} from '../../storage/portal-sessions.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { openSystemRealm } from '../realms/system-realm.ts'
import { sealCookie } from './browser-sessions.ts'
import { LINK_KINDS, type LinkRequest, linkHash, personOf } from './portal-links.ts'
import type { PortalVisit } from './portal-visits.ts'
import type { ProviderGrants } from './provider-grants.ts'

export interface NewSession {
  readonly id: string
  readonly subject: string
  readonly displayName: string
  readonly access: Access
  readonly platform: boolean
  readonly sealedProviderGrant?: string
  /** Hash and end of the session that it comes from. */
  readonly enteredFrom?: { readonly idHash: string; readonly expiresAt: Date }
  readonly address: string
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log' | 'publicUrl' | 'sealer' | 'portalSealer' | 'refusals'>

/** Sessions per batch; their providers are called in parallel. */
const ENDED_BATCH = 20

export type PortalSessions = ReturnType<typeof portalSessions>

export function portalSessions(deps: Deps, providerGrants: Pick<ProviderGrants, 'revoke'>) {
  const { db, clock, log, publicUrl, refusals } = deps

  return {
    /** Makes a one-time link. Its first user becomes Account Admin or viewer of the realm for one session. */
    createLink(
      actor: Actor,
      realmName: string,
      { person, access = 'administer', platform = false }: LinkRequest = {},
    ): Promise<{ url: string; expiresAt: Date }> {
      const permit = (by: Actor) => {
        requireAuthority(by, realmName, 'administer')
        if (platform) requirePlatformAuthority(by)
      }
      return refusals.ofChange({ actor, action: 'portal.link', realm: realmName }, async () => {
        permit(actor)
        if (platform) requireRealmOfPlatform(realmName, access)
        const realm = await (platform ? openSystemRealm(deps) : realmNamed(db, realmName))
        const code = newPortalToken()
        const now = clock()
        const expiresAt = plus(now, LINK_SECONDS)
        const name = person === undefined ? undefined : parseDisplayName(person)
        const madeBy = `${actor.kind}:${actor.id}`
        const codeHash = linkHash(code, platform ? 'platform' : access)
        const link = { codeHash, madeBy, person: name, access, platform, expiresAt }
        await inChange(deps, { actor, permit }, async ({ trx, checkVersion }) => {
          checkVersion(null, 'the links')
          await insertPortalLink(trx, realm.id, link, now)
          const details = {
            ...(name !== undefined && { person: name }),
            access,
            ...(platform && { platform }),
          }
          await insertAuditEvent(trx, realm, done(actor, 'portal.link', realmName, details), now)
        })
        // After the #, so that the code reaches no server, proxy or log.
        return { url: `${publicUrl}/portal/${realmName}/sign-in#${code}`, expiresAt }
      })
    },

    /**
     * Uses up a link. Returns the cookie of a new session.
     * @throws SignInRefusal `link_invalid`
     */
    signInWithLink(realmName: string, code: string, address: string): Promise<string> {
      return refusals.ofSignIn(realmName, address, async () => {
        const realm = await realmNamed(db, realmName)
        return inTransaction(db, async (trx) => {
          const hashes = LINK_KINDS.map((kind) => linkHash(code, kind))
          const link = await deletePortalLink(trx, realm.id, hashes, clock())
          if (link === undefined)
            throw new SignInRefusal('link_invalid', realmName, 'no such link, or used, or too old')
          const { access, platform } = link
          const session = { id: newPortalToken(), ...personOf(link), access, platform, address }
          return createPortalSession({ ...deps, db: trx }, realm, session)
        })
      })
    },

    newFormId: newPortalToken,

    /** Marks a form as sent, whatever its outcome. Returns whether this is the first time. */
    takeForm({ idHash }: PortalVisit, formId: string): Promise<boolean> {
      return insertPortalForm(db, idHash, portalTokenHash(`${idHash} ${formId}`), clock())
    },

    listSessions(actor: Actor, realmName: string): Promise<StoredPortalSession[]> {
      return refusals.ofRead({ actor, action: 'portal.list-sessions', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'administer')
        return listPortalSessions(db, (await realmNamed(db, realmName)).id, clock())
      })
    },

    /**
     * Ends one session by its id, those of one person, or all of the realm, by their next click. Returns how many.
     * @throws Refusal `forbidden`, `not_found`
     */
    endSessions(actor: Actor, realmName: string, subject: string | undefined, id?: string): Promise<number> {
      const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
      const target = id ?? subject
      const attempt = { actor, action: 'portal.end-sessions', realm: realmName, target } as const
      return refusals.ofChange(attempt, async () => {
        permit(actor)
        const realm = await realmNamed(db, realmName)
        return inChange(deps, { actor, permit }, async ({ trx, checkVersion }) => {
          checkVersion(null, 'the sessions')
          const ended = await endPortalSessions(trx, realm.id, { subject, id }, clock())
          if (id !== undefined && ended === 0)
            throw new Refusal('not_found', `Realm ${realmName} has no portal session ${id}.`, 'id')
          const whose = id === undefined ? { subject: subject ?? null } : { id }
          const event = done(actor, 'portal.end-sessions', realmName, { ...whose, ended })
          await insertAuditEvent(trx, realm, event, clock())
          return ended
        })
      })
    },

    /**
     * Deletes ended portal sessions and revokes their provider tokens, a few at a time. Returns whether there may be
     * more.
     */
    async deleteEndedSessions(): Promise<boolean> {
      const ended = await deleteEndedPortalSessions(db, clock(), ENDED_BATCH)
      const revoking = ended.map((session) =>
        providerGrants
          .revoke(session)
          .catch((error: Error) =>
            log(`the identity provider of realm ${session.realm} did not revoke a refresh token`, error),
          ),
      )
      await Promise.all(revoking)
      return ended.length === ENDED_BATCH
    },
  }
}

/** Returns the cookie of the new session. */
export async function createPortalSession(
  { db, clock, portalSealer }: Pick<Deps, 'db' | 'clock' | 'portalSealer'>,
  realm: { readonly id: string; readonly name: string },
  { id, sealedProviderGrant, enteredFrom, ...who }: NewSession,
): Promise<string> {
  const now = clock()
  const expiresAt = enteredFrom?.expiresAt ?? plus(now, SESSION_SECONDS)
  const enteredBy = enteredFrom?.idHash
  const kept = { ...who, idHash: portalTokenHash(id), sealedProviderGrant, enteredBy, expiresAt }
  await insertPortalSession(db, realm.id, kept, now)
  const actor = portalActor({ ...who, realm: realm.name }, who.address)
  const details = who.platform || enteredBy !== undefined ? { platform: true } : {}
  await insertAuditEvent(db, realm, done(actor, 'portal.sign-in', actor.id, details), now)
  return sealCookie(portalSealer, id, realm.name, now)
}

/** @throws Refusal `invalid` */
function requireRealmOfPlatform(realmName: string, access: Access): void {
  if (realmName !== SYSTEM_REALM)
    throw new Refusal('invalid', 'Platform administrators sign in to realm system.', 'realm')
  if (access !== 'administer')
    throw new Refusal('invalid', 'A link is for a viewer or for a platform administrator.', 'access')
}

function plus(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000)
}
