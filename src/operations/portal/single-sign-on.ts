import { newPortalToken, portalTokenHash } from '../../crypto/portal-token.ts'
import { isReservedSubject } from '../../domain/portal-session.ts'
import { Refusal } from '../../domain/refusal.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import {
  accessOf,
  displayNameOf,
  doIssuersDiffer,
  isPlatformAdmin,
  type RealmSingleSignOn,
  settingsFor,
} from '../../domain/single-sign-on.ts'
import { inTransaction } from '../../storage/database.ts'
import { insertFinishedSignIn } from '../../storage/portal-sign-ins.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed, shareRealmNamed } from '../realms/named-realm.ts'
import { type Attempt, createIdentityProvider } from './identity-provider.ts'
import { createPortalSession } from './portal-sessions.ts'
import { type ProviderGrant, readGrant, sealGrant } from './provider-grant.ts'
import { createProviderGrants, NO_PROVIDER_GRANTS, type ProviderGrants } from './provider-grants.ts'

/** Maximum time between the redirect to the provider and the callback. */
export const ATTEMPT_SECONDS = 600

/** The callback of a browser. */
export interface ProviderCallback {
  /** Realm in the callback's URL; `undefined`: the URL shared by all realms. */
  readonly realm: string | undefined
  /** Cookie of the browser. */
  readonly attempt: string | undefined
  /** Query parameters from the provider. */
  readonly query: string
  readonly address: string
}

export interface SingleSignOn {
  /** Whether an identity provider is configured. */
  readonly enabled: boolean
  /**
   * Returns where to redirect the browser, and a sealed cookie for it to keep until the callback.
   * @throws SignInRefusal `provider_away`
   */
  start(realmName: string, returnTo: string): Promise<{ url: string; attempt: string }>
  /** The realm of the sign-in that is answered. A browser may have begun several, each with a sealed cookie. */
  realmOfAttempt(attempts: Iterable<string>, state: string | undefined): string | undefined
  /**
   * Ends what `start` began. Returns the cookie of a new session.
   * @throws SignInRefusal
   */
  finish(callback: ProviderCallback): Promise<{ realm: string; returnTo: string; cookie: string }>
}

interface SealedAttempt extends Attempt {
  readonly realm: string
  readonly returnTo: string
  readonly startedAt: number
}

type Deps = Pick<
  Dependencies,
  'db' | 'clock' | 'log' | 'publicUrl' | 'portalSealer' | 'singleSignOn' | 'refusals'
>

/** Signing in at the company's provider, and what sessions keep of that. */
export function openSingleSignOn(deps: Deps): {
  readonly grants: ProviderGrants
  readonly singleSignOn: SingleSignOn
} {
  const settings = deps.singleSignOn
  if (!settings) return { grants: NO_PROVIDER_GRANTS, singleSignOn: NO_SINGLE_SIGN_ON }
  const issuersDiffer = doIssuersDiffer(settings)
  if (issuersDiffer && settings.clientSecret !== undefined)
    throw new TypeError('providers that differ by realm may not share a client secret')
  const callbackOf = (realm: string) =>
    `${deps.publicUrl}/portal/${issuersDiffer ? `${realm}/` : '_'}callback`
  return withProvider(deps, (realm) => settingsFor(settings, realm), callbackOf)
}

const NO_SINGLE_SIGN_ON: SingleSignOn = {
  enabled: false,
  start: async () => {
    throw new Refusal('not_found', 'This server has no identity provider.')
  },
  realmOfAttempt: () => undefined,
  finish: async () => {
    throw new Refusal('not_found', 'This server has no identity provider.')
  },
}

function withProvider(
  deps: Deps,
  settingsOf: (realm: string) => RealmSingleSignOn,
  callbackOf: (realm: string) => string,
) {
  const { db, clock, publicUrl, portalSealer, refusals } = deps
  const provider = createIdentityProvider(settingsOf, clock)

  /** The sign-in attempt that a callback belongs to. It can be used once. */
  async function takeAttempt({ attempt: sealed, realm }: ProviderCallback): Promise<SealedAttempt> {
    if (sealed === undefined) throw lost('the browser has no cookie of the attempt')
    const attempt = portalSealer.open(sealed, 'sign-in') as SealedAttempt | undefined
    if (!attempt) throw lost('the cookie of the attempt does not open')
    // RFC 9700 section 4.4.2: an answer for another provider must not reach this one.
    const arrivedAt = `${publicUrl}/portal/${realm === undefined ? '_' : `${realm}/`}callback`
    if (arrivedAt !== callbackOf(attempt.realm))
      throw lost('the provider sent the browser to the callback of another realm', attempt.realm)
    const endsAt = attempt.startedAt + ATTEMPT_SECONDS * 1000
    if (clock().getTime() > endsAt) throw lost('it took too long', attempt.realm)
    if (!(await insertFinishedSignIn(db, portalTokenHash(attempt.state), new Date(endsAt))))
      throw lost('the attempt was finished before', attempt.realm)
    return attempt
  }

  async function finish(callback: ProviderCallback) {
    const { realm: realmName, returnTo, ...attempt } = await takeAttempt(callback)
    const arrivedAt = new URL(`${callbackOf(realmName)}?${callback.query}`)
    const tokens = await provider.finishAttempt(realmName, attempt, arrivedAt)
    const { claims = {} } = tokens
    const settings = settingsOf(realmName)
    const grant = await readGrant(
      provider,
      { realm: realmName, subject: String(claims['sub']), settings },
      tokens,
    )
    const who = {
      subject: subjectOf(grant.subject),
      displayName: displayNameOf({ ...claims, ...grant.userInfo }),
      access: requireAccess(grant, settings, realmName),
      platform: isPlatformAdmin(grant.values, settings),
    }
    const id = newPortalToken()
    const sealedProviderGrant = sealGrant(portalSealer, portalTokenHash(id), grant)
    const cookie = await inTransaction(db, async (trx) => {
      // Shared until the session is there: it may have been deleted while the provider was asked.
      const realm = await shareRealmNamed(trx, realmName)
      const session = { id, ...who, sealedProviderGrant, address: callback.address }
      return createPortalSession({ ...deps, db: trx }, realm, session)
    })
    return { realm: realmName, returnTo, cookie }
  }

  const singleSignOn: SingleSignOn = {
    enabled: true,

    async start(realmName, returnTo) {
      await realmNamed(db, realmName)
      const { url, attempt } = await provider.startAttempt(realmName, callbackOf(realmName))
      const kept: SealedAttempt = { ...attempt, realm: realmName, returnTo, startedAt: clock().getTime() }
      return { url, attempt: portalSealer.seal(kept, 'sign-in') }
    },

    realmOfAttempt(sealed, state) {
      const opened = [...sealed].map((one) => portalSealer.open(one, 'sign-in') as SealedAttempt | undefined)
      const attempts = opened.filter((attempt) => attempt !== undefined)
      const answered = attempts.find((attempt) => attempt.state === state)
      return (answered ?? attempts[0])?.realm
    },

    finish: (callback) => refusals.ofSignIn(callback.realm, callback.address, async () => finish(callback)),
  }
  return { grants: createProviderGrants(deps, provider, settingsOf), singleSignOn }
}

function requireAccess({ subject, values }: ProviderGrant, settings: RealmSingleSignOn, realm: string) {
  const access = accessOf(values, settings)
  if (access) return access
  const said = values === undefined ? 'absent' : 'without a value that lets anybody in'
  const reason = `claim ${settings.accessClaim} is ${said}`
  throw new SignInRefusal('no_access', realm, reason, subjectOf(subject))
}

/**
 * OpenID Connect Core section 2: a subject has at most 255 ASCII characters. The audit trail stores a hash of any other
 * subject, and of one that looks like the subject of somebody who came otherwise.
 */
function subjectOf(subject: string): string {
  const isKept = /^[\x20-\x7e]{1,255}$/.test(subject) && !isReservedSubject(subject)
  return isKept ? subject : portalTokenHash(subject)
}

function lost(reason: string, realm?: string): SignInRefusal {
  return new SignInRefusal('attempt_lost', realm, reason)
}
