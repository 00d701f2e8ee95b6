import { fingerprint } from '../../crypto/fingerprint.ts'
import { newPortalToken, portalTokenHash } from '../../crypto/portal-token.ts'
import type { Sealer } from '../../crypto/sealing.ts'
import type { Actor } from '../../domain/actor.ts'
import type { AuditAction } from '../../domain/audit-event.ts'
import { type Access, requireAuthority } from '../../domain/authority.ts'
import {
  IDLE_SECONDS,
  LINK_SECONDS,
  type PortalSession,
  portalActor,
  SESSION_SECONDS,
} from '../../domain/portal-session.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { inTransaction } from '../../storage/database.ts'
import { deletePortalLink, insertPortalLink } from '../../storage/portal-links.ts'
import {
  deletePortalSession,
  deletePortalSessions,
  findPortalSession,
  insertPortalForm,
  insertPortalSession,
  listPortalSessions,
  type StoredPortalSession,
} from '../../storage/portal-sessions.ts'
import { findRealmByName } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { unknownRealm } from '../realms/realms.ts'
import type { ProviderGrants } from './provider-grants.ts'

/** One click of somebody who is signed in. */
export interface PortalVisit {
  readonly session: PortalSession
  readonly idHash: string
  /** When it came. */
  readonly now: Date
  /** What every form of theirs carries, and no other site can know. */
  readonly formToken: string
  /** The cookie with this click noted, to be set again. */
  readonly cookie: string
}

export interface PortalSessionOperations {
  /** Where the server is reached, without a slash at its end. */
  readonly publicUrl: string
  /** A link that makes its first user Account Admin of the realm for one session. */
  createPortalLink(actor: Actor, realmName: string): Promise<{ url: string; expiresAt: Date }>
  /**
   * Uses a link up. Returns the cookie of a new session.
   * @throws SignInRefusal `link_invalid`
   */
  signInWithLink(realmName: string, code: string, address: string): Promise<string>
  /**
   * Who a cookie is of, by their row as it is now and by what their identity provider says now.
   * `undefined`: nobody who is signed in.
   * @throws SignInRefusal `provider_away`
   */
  findPortalVisit(cookie: string | undefined): Promise<PortalVisit | undefined>
  signOutOfPortal(visit: PortalVisit, address: string): Promise<void>
  /** Whether a form is sent for the first time: it then counts as sent, whatever becomes of it. */
  takePortalForm(visit: PortalVisit, formId: string): Promise<boolean>
  newPortalFormId(): string
  listPortalSessions(actor: Actor, realmName: string): Promise<StoredPortalSession[]>
  /** Signs somebody out, or everybody of the realm, by their next click. Returns how many sessions that ended. */
  endPortalSessions(actor: Actor, realmName: string, subject: string | undefined): Promise<number>
}

export interface NewSession {
  readonly subject: string
  readonly displayName: string
  readonly access: Access
  readonly sealedProviderGrant?: string
}

/** What the cookie of a session is sealed for: it counts as nothing else. */
const COOKIE_CONTEXT = 'portal session cookie'

interface CookieContent {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly seenAt: number
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'portalSealer'>

export function portalSessionOperations(deps: Deps, grants: ProviderGrants): PortalSessionOperations {
  const { db, clock, publicUrl, portalSealer } = deps

  async function realmNamed(name: string) {
    const realm = await findRealmByName(db, name)
    if (!realm) throw unknownRealm(name)
    return realm
  }

  return {
    publicUrl,
    newPortalFormId: newPortalToken,

    async createPortalLink(actor, realmName) {
      requireAuthority(actor, realmName, 'administer')
      const realm = await realmNamed(realmName)
      const code = newPortalToken()
      const now = clock()
      const expiresAt = plus(now, LINK_SECONDS)
      const link = { codeHash: portalTokenHash(code), madeBy: `${actor.kind}:${actor.id}`, expiresAt }
      await inTransaction(db, async (trx) => {
        await insertPortalLink(trx, realm.id, link, now)
        const event = {
          actor,
          action: 'portal.link',
          target: realmName,
          outcome: 'done',
          details: {},
        } as const
        await insertAuditEvent(trx, realm, event, now)
      })
      // After the #: what stands there reaches no server, no proxy and no log.
      return { url: `${publicUrl}/portal/${realmName}/sign-in#${code}`, expiresAt }
    },

    async signInWithLink(realmName, code, address) {
      const realm = await realmNamed(realmName)
      return inTransaction(db, async (trx) => {
        const madeBy = await deletePortalLink(trx, realm.id, portalTokenHash(code), clock())
        if (madeBy === undefined)
          throw new SignInRefusal('link_invalid', realmName, 'no such link, or used, or too old')
        const subject = `link of ${madeBy}`
        const who = { subject, displayName: 'Account Admin', access: 'administer' } as const
        return createPortalSession({ ...deps, db: trx }, realm, who, address)
      })
    },

    async findPortalVisit(cookie) {
      const content = openCookie(portalSealer, cookie)
      if (!content) return undefined
      const idHash = portalTokenHash(content.id)
      const now = clock()
      const stored = await findPortalSession(db, idHash, now)
      if (!stored) return undefined
      const idle = now.getTime() - content.seenAt > IDLE_SECONDS * 1000
      const session = idle ? undefined : await grants.renew(idHash, stored)
      if (!session) {
        await deletePortalSession(db, idHash)
        return undefined
      }
      const renewed = sealCookie(portalSealer, { id: content.id, seenAt: now.getTime() })
      return { session, idHash, now, formToken: fingerprint(`form ${content.id}`), cookie: renewed }
    },

    async signOutOfPortal({ session, idHash }, address) {
      const realm = await realmNamed(session.realm)
      const actor = portalActor(session, address)
      await inTransaction(db, async (trx) => {
        await deletePortalSession(trx, idHash)
        await insertAuditEvent(trx, realm, signEvent(actor, 'portal.sign-out'), clock())
      })
    },

    async takePortalForm({ idHash }, formId) {
      return insertPortalForm(db, idHash, portalTokenHash(formId), clock())
    },

    async listPortalSessions(actor, realmName) {
      requireAuthority(actor, realmName, 'administer')
      return listPortalSessions(db, (await realmNamed(realmName)).id, clock())
    },

    async endPortalSessions(actor, realmName, subject) {
      requireAuthority(actor, realmName, 'administer')
      const realm = await realmNamed(realmName)
      return inTransaction(db, async (trx) => {
        const ended = await deletePortalSessions(trx, realm.id, subject)
        const details = { subject: subject ?? null, ended }
        const event = {
          actor,
          action: 'portal.end-sessions',
          target: realmName,
          outcome: 'done',
          details,
        } as const
        await insertAuditEvent(trx, realm, event, clock())
        return ended
      })
    },
  }
}

/** Returns the cookie of the new session. */
export async function createPortalSession(
  { db, clock, portalSealer }: Pick<Deps, 'db' | 'clock' | 'portalSealer'>,
  realm: { readonly id: string; readonly name: string },
  { sealedProviderGrant, ...who }: NewSession,
  address: string,
): Promise<string> {
  const id = newPortalToken()
  const now = clock()
  const expiresAt = plus(now, SESSION_SECONDS)
  const kept = { ...who, idHash: portalTokenHash(id), sealedProviderGrant, address, expiresAt }
  await insertPortalSession(db, realm.id, kept, now)
  const actor = portalActor({ ...who, realm: realm.name }, address)
  await insertAuditEvent(db, realm, signEvent(actor, 'portal.sign-in'), now)
  return sealCookie(portalSealer, { id, seenAt: now.getTime() })
}

function signEvent(actor: Actor, action: AuditAction) {
  return { actor, action, target: actor.id, outcome: 'done', details: {} } as const
}

function sealCookie(sealer: Sealer, content: CookieContent): string {
  return sealer.seal(Buffer.from(JSON.stringify(content)), COOKIE_CONTEXT)
}

function openCookie(sealer: Sealer, cookie: string | undefined): CookieContent | undefined {
  if (cookie === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(sealer.open(cookie, COOKIE_CONTEXT)).toString()) as CookieContent
  } catch {
    // Not of our sealing, or of a key that is no more: as good as none.
    return undefined
  }
}

function plus(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000)
}
