import { newPortalToken, portalTokenHash } from '../../crypto/portal-token.ts'
import type { Actor } from '../../domain/actor.ts'
import type { AuditAction } from '../../domain/audit-event.ts'
import { type Access, requireAuthority } from '../../domain/authority.ts'
import { LINK_SECONDS, portalActor, SESSION_SECONDS } from '../../domain/portal-session.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { inTransaction } from '../../storage/database.ts'
import { deletePortalLink, insertPortalLink } from '../../storage/portal-links.ts'
import {
  endPortalSession,
  endPortalSessions,
  insertPortalForm,
  insertPortalSession,
  listPortalSessions,
  type StoredPortalSession,
} from '../../storage/portal-sessions.ts'
import { findRealmByName } from '../../storage/realms.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { unknownRealm } from '../realms/realms.ts'
import { type PortalVisit, sealCookie } from './portal-visits.ts'
import { recordRefusedSignIns } from './refused-sign-ins.ts'

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
  signOutOfPortal(visit: PortalVisit, address: string): Promise<void>
  /** Whether a form is sent for the first time: it then counts as sent, whatever becomes of it. */
  takePortalForm(visit: PortalVisit, formId: string): Promise<boolean>
  newPortalFormId(): string
  listPortalSessions(actor: Actor, realmName: string): Promise<StoredPortalSession[]>
  /** Signs somebody out, or everybody of the realm, by their next click. Returns how many sessions that ended. */
  endPortalSessions(actor: Actor, realmName: string, subject: string | undefined): Promise<number>
}

export interface NewSession {
  readonly id: string
  readonly subject: string
  readonly displayName: string
  readonly access: Access
  readonly sealedProviderGrant?: string
  readonly address: string
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log' | 'publicUrl' | 'portalSealer'>

export function portalSessionOperations(deps: Deps): PortalSessionOperations {
  const { db, clock, publicUrl } = deps
  const recorded = recordRefusedSignIns(deps)

  async function realmNamed(name: string) {
    const realm = await findRealmByName(db, name)
    if (!realm) throw unknownRealm(name)
    return realm
  }

  return {
    publicUrl,
    newPortalFormId: newPortalToken,

    async createPortalLink(actor, realmName) {
      const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
      permit(actor)
      const realm = await realmNamed(realmName)
      const code = newPortalToken()
      const now = clock()
      const expiresAt = plus(now, LINK_SECONDS)
      const link = { codeHash: portalTokenHash(code), madeBy: `${actor.kind}:${actor.id}`, expiresAt }
      await inChange(deps, { actor, permit }, async ({ trx, checkVersion }) => {
        checkVersion(null, 'the links')
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

    signInWithLink: (realmName, code, address) =>
      recorded(realmName, address, async () => {
        const realm = await realmNamed(realmName)
        return inTransaction(db, async (trx) => {
          const madeBy = await deletePortalLink(trx, realm.id, portalTokenHash(code), clock())
          if (madeBy === undefined)
            throw new SignInRefusal('link_invalid', realmName, 'no such link, or used, or too old')
          const who = { subject: `link of ${madeBy}`, displayName: 'Account Admin' }
          const session = { id: newPortalToken(), ...who, access: 'administer', address } as const
          return createPortalSession({ ...deps, db: trx }, realm, session)
        })
      }),

    async signOutOfPortal({ session, idHash }, address) {
      const realm = await realmNamed(session.realm)
      const actor = portalActor(session, address)
      await inTransaction(db, async (trx) => {
        await endPortalSession(trx, idHash, clock())
        await insertAuditEvent(trx, realm, signEvent(actor, 'portal.sign-out'), clock())
      })
    },

    async takePortalForm({ idHash }, formId) {
      return insertPortalForm(db, idHash, portalTokenHash(`${idHash} ${formId}`), clock())
    },

    async listPortalSessions(actor, realmName) {
      requireAuthority(actor, realmName, 'administer')
      return listPortalSessions(db, (await realmNamed(realmName)).id, clock())
    },

    async endPortalSessions(actor, realmName, subject) {
      const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
      permit(actor)
      const realm = await realmNamed(realmName)
      return inChange(deps, { actor, permit }, async ({ trx, checkVersion }) => {
        checkVersion(null, 'the sessions')
        const ended = await endPortalSessions(trx, realm.id, subject, clock())
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
  { id, sealedProviderGrant, ...who }: NewSession,
): Promise<string> {
  const now = clock()
  const expiresAt = plus(now, SESSION_SECONDS)
  const kept = { ...who, idHash: portalTokenHash(id), sealedProviderGrant, expiresAt }
  await insertPortalSession(db, realm.id, kept, now)
  const actor = portalActor({ ...who, realm: realm.name }, who.address)
  await insertAuditEvent(db, realm, signEvent(actor, 'portal.sign-in'), now)
  return sealCookie(portalSealer, id, realm.name, now)
}

function signEvent(actor: Actor, action: AuditAction) {
  return { actor, action, target: actor.id, outcome: 'done', details: {} } as const
}

function plus(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000)
}
