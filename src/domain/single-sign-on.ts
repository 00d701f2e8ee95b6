import type { Access } from './authority.ts'
import { SYSTEM_REALM } from './realm.ts'

/** The organisation's OpenID provider. `{realm}` in a value stands for the realm's name. */
export interface SingleSignOnSettings {
  readonly issuer: string
  readonly clientId: string
  /** `undefined`: a public client, protected by PKCE. */
  readonly clientSecret: string | undefined
  /** Path of each realm's own secret, if realms have one each. */
  readonly clientSecretFile?: string | undefined
  /** Requested scopes, separated by spaces. */
  readonly scope: string
  /** Claim that holds the roles; dots select nested members: `realm_access.roles`. */
  readonly accessClaim: string
  /** Whether a string holds several values, separated by spaces. Default: false. */
  readonly claimIsSpaceSeparated?: boolean
  /** Value that makes a person an Account Admin. */
  readonly adminValue: string
  /** Value that makes a person a viewer; `undefined`: there are no viewers. */
  readonly viewerValue: string | undefined
  /** Value that makes a platform administrator of a person who signs in to realm `system`; `undefined`: none does. */
  readonly platformValue?: string | undefined
}

/** The settings of one realm. */
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
  const { viewerValue, platformValue, clientSecretFile } = settings
  return {
    ...settings,
    issuersDiffer: doIssuersDiffer(settings),
    clientSecretFile: clientSecretFile && fill(clientSecretFile),
    issuer: fill(settings.issuer),
    clientId: fill(settings.clientId),
    adminValue: fill(settings.adminValue),
    viewerValue: viewerValue && fill(viewerValue),
    platformValue: realm === SYSTEM_REALM ? platformValue : undefined,
  }
}

/** Values of the claim, a string or a list; `undefined`: the claim is absent. */
export function accessValues(
  claims: Claims,
  { accessClaim: name, claimIsSpaceSeparated }: SingleSignOnSettings,
): readonly string[] | undefined {
  // A name with dots is the claim's whole name (https://example.com/roles), or a path into objects.
  const found = claims[name] ?? name.split('.').reduce<unknown>(into, claims)
  if (typeof found === 'string') return claimIsSpaceSeparated ? found.split(' ') : [found]
  return Array.isArray(found) ? found.filter((value) => typeof value === 'string') : undefined
}

function into(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, member)
    ? (value as Claims)[member]
    : undefined
}

/** Access that the values give; `undefined`: none. */
export function accessOf(
  values: readonly string[] | undefined,
  settings: Pick<RealmSingleSignOn, 'adminValue' | 'viewerValue' | 'platformValue'>,
): Access | undefined {
  const { adminValue, viewerValue } = settings
  if (values?.includes(adminValue) || isPlatformAdmin(values, settings)) return 'administer'
  return viewerValue !== undefined && values?.includes(viewerValue) ? 'view' : undefined
}

/** Whether the values make a platform administrator: in realm `system` alone. */
export function isPlatformAdmin(
  values: readonly string[] | undefined,
  { platformValue }: Pick<RealmSingleSignOn, 'platformValue'>,
): boolean {
  return platformValue !== undefined && values?.includes(platformValue) === true
}

/** Display name of the person. */
export function displayNameOf(claims: Claims): string {
  const names = ['name', 'preferred_username', 'email', 'sub'].map((name) => visible(claims[name]))
  return names.find((name) => name !== '') ?? 'Somebody'
}

/** Removes what cannot be stored or shown: control characters and lone surrogates. */
function visible(claim: unknown): string {
  return typeof claim === 'string'
    ? claim
        .slice(0, 200)
        .replace(/[\p{Cc}\p{Cs}]/gu, '')
        .trim()
    : ''
}
