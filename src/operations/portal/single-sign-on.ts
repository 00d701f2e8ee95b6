import { portalTokenHash } from '../../crypto/portal-token.ts'
import type { Sealer } from '../../crypto/sealing.ts'
import { Refusal } from '../../domain/refusal.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import {
  accessOf,
  displayNameOf,
  type SingleSignOnSettings,
  settingsFor,
} from '../../domain/single-sign-on.ts'
import { inTransaction } from '../../storage/database.ts'
import { findRealmByName, keepRealmByName } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { unknownRealm } from '../realms/realms.ts'
import { type Attempt, createIdentityProvider } from './identity-provider.ts'
import { createPortalSession } from './portal-sessions.ts'
import {
  createProviderGrants,
  NO_PROVIDER_GRANTS,
  type ProviderGrants,
  readGrant,
  sealGrant,
} from './provider-grants.ts'

/** The way to the provider and back may take this long. */
export const ATTEMPT_SECONDS = 600

export interface SingleSignOnOperations {
  /** Whether there is a provider to sign in at. */
  readonly singleSignOn: boolean
  /**
   * Where to send the browser, and what it keeps, sealed, until it comes back.
   * @throws SignInRefusal `provider_away`
   */
  startSingleSignOn(realmName: string, returnTo: string): Promise<{ url: string; attempt: string }>
  /**
   * Ends what `startSingleSignOn` began. Returns the cookie of a new session.
   * @param query what the provider put into the address it sent the browser back to
   * @throws SignInRefusal
   */
  finishSingleSignOn(
    attempt: string | undefined,
    query: string,
    address: string,
  ): Promise<{ realm: string; returnTo: string; cookie: string }>
}

/** What the cookie of a sign-in is sealed for: it counts as nothing else. */
const ATTEMPT_CONTEXT = 'portal sign-in cookie'

interface SealedAttempt extends Attempt {
  readonly realm: string
  readonly returnTo: string
  readonly startedAt: number
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'portalSealer' | 'singleSignOn'>

export function singleSignOnOperations(deps: Deps): {
  readonly grants: ProviderGrants
  readonly operations: SingleSignOnOperations
} {
  const settings = deps.singleSignOn
  if (!settings) return { grants: NO_PROVIDER_GRANTS, operations: NO_SINGLE_SIGN_ON }
  const settingsOf = (realm: string) => settingsFor(settings, realm)
  return withProvider(deps, settingsOf)
}

const NO_SINGLE_SIGN_ON: SingleSignOnOperations = {
  singleSignOn: false,
  startSingleSignOn: async () => {
    throw new Refusal('not_found', 'This server has no identity provider.')
  },
  finishSingleSignOn: async () => {
    throw new Refusal('not_found', 'This server has no identity provider.')
  },
}

function withProvider(deps: Deps, settingsOf: (realm: string) => SingleSignOnSettings) {
  const { db, clock, publicUrl, portalSealer } = deps
  const provider = createIdentityProvider(settingsOf, clock)
  const redirectUri = `${publicUrl}/portal/_callback`

  function openAttempt(sealed: string | undefined): SealedAttempt {
    if (sealed === undefined) throw lost('the browser has no cookie of the attempt')
    const attempt = openedAttempt(portalSealer, sealed)
    if (clock().getTime() - attempt.startedAt > ATTEMPT_SECONDS * 1000)
      throw lost('it took too long', attempt.realm)
    return attempt
  }

  const operations: SingleSignOnOperations = {
    singleSignOn: true,

    async startSingleSignOn(realmName, returnTo) {
      if (!(await findRealmByName(db, realmName))) throw unknownRealm(realmName)
      const { url, attempt } = await provider.startAttempt(realmName, redirectUri)
      const kept: SealedAttempt = { ...attempt, realm: realmName, returnTo, startedAt: clock().getTime() }
      return { url, attempt: portalSealer.seal(Buffer.from(JSON.stringify(kept)), ATTEMPT_CONTEXT) }
    },

    async finishSingleSignOn(sealed, query, address) {
      const { realm: realmName, returnTo, ...attempt } = openAttempt(sealed)
      const tokens = await provider.finishAttempt(realmName, attempt, new URL(`${redirectUri}?${query}`))
      const { claims = {} } = tokens
      const settings = settingsOf(realmName)
      const grant = await readGrant(provider, realmName, settings, String(claims['sub']), tokens)
      const access = accessOf(grant.values, settings)
      if (!access) {
        const said = grant.values === undefined ? 'absent' : 'without a value that lets anybody in'
        throw new SignInRefusal('no_access', realmName, `claim ${settings.accessClaim} is ${said}`)
      }
      const who = {
        subject: subjectOf(grant.subject),
        displayName: displayNameOf({ ...claims, ...grant.userInfo }),
        access,
        sealedProviderGrant: sealGrant(portalSealer, realmName, grant),
      }
      const cookie = await inTransaction(db, async (trx) => {
        // Kept until the session is there: it may have been deleted while the provider was asked.
        const realm = await keepRealmByName(trx, realmName)
        if (!realm) throw unknownRealm(realmName)
        return createPortalSession({ ...deps, db: trx }, realm, who, address)
      })
      return { realm: realmName, returnTo, cookie }
    },
  }
  return { grants: createProviderGrants(deps, provider, settingsOf), operations }
}

function openedAttempt(sealer: Sealer, sealed: string): SealedAttempt {
  try {
    return JSON.parse(Buffer.from(sealer.open(sealed, ATTEMPT_CONTEXT)).toString()) as SealedAttempt
  } catch (error) {
    throw lost((error as Error).message)
  }
}

// OpenID Connect Core section 2: a subject has at most 255 ASCII characters. What is none may not reach the audit trail.
function subjectOf(subject: string): string {
  return /^[\x20-\x7e]{1,255}$/.test(subject) ? subject : portalTokenHash(subject)
}

function lost(reason: string, realm?: string): SignInRefusal {
  return new SignInRefusal('attempt_lost', realm, reason)
}
