import { type PortalSealer, portalTokenHash } from '../../crypto/portal-token.ts'
import { done } from '../../domain/audit-event.ts'
import { IDLE_SECONDS, MAX_REALMS, portalActor } from '../../domain/portal-session.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { inTransaction } from '../../storage/database.ts'
import {
  endPortalSession,
  findPortalSessions,
  type StoredPortalSession,
} from '../../storage/portal-sessions.ts'
import type { Dependencies } from '../dependencies.ts'

/** A live session of a browser. */
export interface BrowserSession {
  readonly id: string
  readonly idHash: string
  readonly stored: StoredPortalSession
}

interface CookieContent {
  readonly id: string
  readonly realm: string
  /** Milliseconds since the epoch. */
  readonly seenAt: number
}

/** More than a browser has of us: what a stranger makes up costs little. */
const MAX_COOKIES = 2 * MAX_REALMS

export type BrowserSessions = ReturnType<typeof browserSessions>

/** The sessions of one browser: one for each realm that it is signed in to. */
export function browserSessions({
  db,
  clock,
  portalSealer,
}: Pick<Dependencies, 'db' | 'clock' | 'portalSealer'>) {
  // A copy of an old cookie is refused. The session itself goes on: it may be in use.
  function open(cookie: string): CookieContent | undefined {
    const content = portalSealer.open(cookie, 'session') as CookieContent | undefined
    const isOld = !content || clock().getTime() - content.seenAt > IDLE_SECONDS * 1000
    return isOld ? undefined : content
  }

  /** The live sessions of the cookies, the one used last first. */
  async function list(cookies: Iterable<string>): Promise<BrowserSession[]> {
    const opened = [...cookies]
      .slice(0, MAX_COOKIES)
      .map(open)
      .filter((content) => content !== undefined)
      .sort((one, other) => other.seenAt - one.seenAt)
      .map((content) => ({ ...content, idHash: portalTokenHash(content.id) }))
    const hashes = opened.map(({ idHash }) => idHash)
    const rows = await findPortalSessions(db, hashes, clock())
    return opened.flatMap(({ id, idHash, realm }) => {
      const stored = rows.get(idHash)
      return stored?.realm === realm ? [{ id, idHash, stored }] : []
    })
  }

  async function signOut(sessions: readonly BrowserSession[], address: string): Promise<void> {
    const now = clock()
    await inTransaction(db, async (trx) => {
      for (const { idHash, stored } of sessions) {
        const event = done(portalActor(stored, address), 'portal.sign-out', stored.subject)
        if (await endPortalSession(trx, idHash, now))
          await insertAuditEvent(trx, { id: stored.realmId, name: stored.realm }, event, now)
      }
    })
  }

  return {
    list,
    signOut,

    /**
     * Before a sign-in to one more realm: signs out of those used longest ago. Returns the realms whose cookies are of
     * no more use.
     */
    async makeRoom(cookies: ReadonlyMap<string, string>, realm: string, address: string): Promise<string[]> {
      const others = (await list(cookies.values())).filter(({ stored }) => stored.realm !== realm)
      const kept = others.slice(0, MAX_REALMS - 1).map(({ stored }) => stored.realm)
      await signOut(others.slice(MAX_REALMS - 1), address)
      return [...cookies.keys()].filter((name) => name !== realm && !kept.includes(name))
    },
  }
}

export function sealCookie(sealer: PortalSealer, id: string, realm: string, now: Date): string {
  const content: CookieContent = { id, realm, seenAt: now.getTime() }
  return sealer.seal(content, 'session')
}
