import type { Access } from './authority.ts'

/** The company's OpenID provider. `{realm}` in a text stands for the realm's name. */
export interface SingleSignOnSettings {
  readonly issuer: string
  readonly clientId: string
  /** `undefined`: a public client, which PKCE protects. */
  readonly clientSecret: string | undefined
  /** Where the secret is, if each realm has one of its own. */
  readonly clientSecretFile?: string | undefined
  /** Asked for, separated by spaces. */
  readonly scope: string
  /** The claim that says who may what; dots lead into objects: `realm_access.roles`. */
  readonly accessClaim: string
  /** Whether a text holds several values, separated by spaces. Default: it is one value. */
  readonly claimIsSpaceSeparated?: boolean
  /** The value that makes an Account Admin. */
  readonly adminValue: string
  /** The value that makes a viewer; `undefined`: nobody is one. */
  readonly viewerValue: string | undefined
}

/** The settings as they are for one realm. */
export interface RealmSingleSignOn extends SingleSignOnSettings {
  /** Whether realms may have different providers, which do not trust each other. */
  readonly issuersDiffer: boolean
}

export type Claims = Readonly<Record<string, unknown>>

const REALM = '{realm}'

export function doIssuersDiffer({ issuer }: Pick<SingleSignOnSettings, 'issuer'>): boolean {
  return issuer.includes(REALM)
}

export function settingsFor(settings: SingleSignOnSettings, realm: string): RealmSingleSignOn {
  const fill = (text: string) => text.replaceAll(REALM, realm)
  const { viewerValue, clientSecretFile } = settings
  return {
    ...settings,
    issuersDiffer: doIssuersDiffer(settings),
    clientSecretFile: clientSecretFile && fill(clientSecretFile),
    issuer: fill(settings.issuer),
    clientId: fill(settings.clientId),
    adminValue: fill(settings.adminValue),
    viewerValue: viewerValue && fill(viewerValue),
  }
}

/** What the claim holds, be it one text or a list. `undefined`: there is no such claim. */
export function accessValues(
  claims: Claims,
  { accessClaim: name, claimIsSpaceSeparated }: SingleSignOnSettings,
): readonly string[] | undefined {
  // A name with dots may be a claim's whole name (https://example.com/roles), or a way into objects.
  const found = claims[name] ?? name.split('.').reduce<unknown>(into, claims)
  if (typeof found === 'string') return claimIsSpaceSeparated ? found.split(' ') : [found]
  return Array.isArray(found) ? found.filter((value) => typeof value === 'string') : undefined
}

function into(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, member)
    ? (value as Claims)[member]
    : undefined
}

/** What the values let them do; `undefined`: nothing. */
export function accessOf(
  values: readonly string[] | undefined,
  { adminValue, viewerValue }: Pick<SingleSignOnSettings, 'adminValue' | 'viewerValue'>,
): Access | undefined {
  if (values?.includes(adminValue)) return 'administer'
  return viewerValue !== undefined && values?.includes(viewerValue) ? 'view' : undefined
}

/** The person's name as others know it. */
export function displayNameOf(claims: Claims): string {
  const names = ['name', 'preferred_username', 'email', 'sub'].map((name) => visible(claims[name]))
  return names.find((name) => name !== '') ?? 'Somebody'
}

/** What can be kept and shown of a claim: no control characters, no half of a character. */
function visible(claim: unknown): string {
  return typeof claim === 'string'
    ? claim
        .slice(0, 200)
        .replace(/[\p{Cc}\p{Cs}]/gu, '')
        .trim()
    : ''
}
