import type { Clock } from '../domain/clock.ts'
import { SignInRefusal } from '../domain/sign-in-refusal.ts'
import { insertAuditEvent } from '../storage/audit-events.ts'
import type { Database } from '../storage/database.ts'
import { findRealmByName } from '../storage/realms.ts'
import { createLineLimit } from './line-limit.ts'

/** Maximum per minute for one realm and reason: strangers must not fill the database. */
const LINES_PER_MINUTE = 20

/** Runs a sign-in. Records a refusal in the realm's audit trail. */
export type RecordSignIn = <T>(
  realmName: string | undefined,
  address: string,
  signIn: () => Promise<T>,
) => Promise<T>

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly log: (message: string, error?: Error) => void
}

export function recordRefusedSignIns({ db, clock, log }: Deps): RecordSignIn {
  const mayRecord = createLineLimit({
    clock,
    linesPerMinute: LINES_PER_MINUTE,
    onExceeded: (key) =>
      log(`too many refused sign-ins to realm ${key}: the audit trail gets no more this minute`),
  })

  async function record(refusal: SignInRefusal, realmName: string, address: string): Promise<void> {
    const realm = await findRealmByName(db, realmName)
    if (!realm || !mayRecord(`${realm.name} (${refusal.code})`)) return
    const event = {
      actor: { kind: 'portal', id: refusal.subject ?? 'unknown', address },
      action: 'portal.sign-in',
      target: refusal.subject,
      outcome: 'refused',
      // Without the reason's text, which a provider may have written; the log has it.
      details: { code: refusal.code },
    } as const
    await insertAuditEvent(db, realm, event, clock())
  }

  return async (realmName, address, signIn) => {
    try {
      return await signIn()
    } catch (error) {
      const name = error instanceof SignInRefusal ? (error.realm ?? realmName) : undefined
      if (name !== undefined)
        // The refusal stands even if it could not be recorded.
        await record(error as SignInRefusal, name, address).catch((failure: Error) =>
          log('a refused sign-in could not be recorded', failure),
        )
      throw error
    }
  }
}
