import { readFileSync } from 'node:fs'
import { SYSTEM_REALM } from '../domain/realm.ts'
import { doIssuersDiffer, type SingleSignOnSettings } from '../domain/single-sign-on.ts'
import { canCollide } from './access-values.ts'
import type { Fault, Read } from './reader.ts'

const REALM = '{realm}'

/** `undefined` if PORTAL_OIDC_ISSUER is unset. */
export function readSingleSignOn(read: Read, fault: Fault): SingleSignOnSettings | undefined {
  const issuer = read('PORTAL_OIDC_ISSUER')
  if (issuer === undefined) {
    if (read('PORTAL_OIDC_CLIENT_ID')) fault('PORTAL_OIDC_ISSUER is needed with PORTAL_OIDC_CLIENT_ID')
    return undefined
  }
  checkIssuer(issuer, fault)
  const needed = (name: string) => {
    const value = read(name)
    if (value === undefined) fault(`${name} is needed with PORTAL_OIDC_ISSUER`)
    return value ?? ''
  }
  const config = {
    issuer,
    clientId: needed('PORTAL_OIDC_CLIENT_ID'),
    ...readSecret(read, fault, issuer),
    scope: readScope(read, fault),
    accessClaim: read('PORTAL_OIDC_CLAIM') ?? 'roles',
    claimIsSpaceSeparated: readClaimFormat(read, fault) === 'space-separated',
    adminValue: needed('PORTAL_OIDC_ADMIN_VALUE'),
    viewerValue: read('PORTAL_OIDC_VIEWER_VALUE'),
    platformValue: read('PORTAL_OIDC_PLATFORM_VALUE'),
  }
  checkValues(config, fault)
  checkPlatformValue(config, fault)
  return config
}

/** Prevents that a viewer of one realm is an Account Admin of another. */
function checkValues({ issuer, adminValue, viewerValue }: SingleSignOnSettings, fault: Fault): void {
  if (viewerValue === undefined) return
  if (adminValue === viewerValue) fault('PORTAL_OIDC_VIEWER_VALUE must differ from PORTAL_OIDC_ADMIN_VALUE')
  // Where each realm has its own provider, one says nothing about people of another realm.
  else if (!doIssuersDiffer({ issuer }) && canCollide(adminValue, viewerValue))
    fault(
      `PORTAL_OIDC_VIEWER_VALUE ${viewerValue} for one realm can be PORTAL_OIDC_ADMIN_VALUE ${adminValue} for another: ` +
        `give them different prefixes, such as admin:${REALM} and viewer:${REALM}`,
    )
}

/** Prevents that an Account Admin or a viewer of any realm is an administrator of all. */
function checkPlatformValue(
  { issuer, platformValue, adminValue, viewerValue }: SingleSignOnSettings,
  fault: Fault,
): void {
  if (platformValue === undefined) return
  if (platformValue.includes(REALM))
    fault(`PORTAL_OIDC_PLATFORM_VALUE must not contain ${REALM}: it is for all realms`)
  // Where each realm has its own provider, that of realm system alone is asked.
  const asSaid = (value = '') => (doIssuersDiffer({ issuer }) ? value.replaceAll(REALM, SYSTEM_REALM) : value)
  const same = [adminValue, viewerValue].find((value) => value && canCollide(asSaid(value), platformValue))
  if (same !== undefined)
    fault(
      `PORTAL_OIDC_PLATFORM_VALUE ${platformValue} can be ${same} for a realm: choose a value that no realm's people have`,
    )
}

function readClaimFormat(read: Read, fault: Fault): string {
  const format = read('PORTAL_OIDC_CLAIM_FORMAT') ?? 'values'
  if (format !== 'values' && format !== 'space-separated')
    fault('PORTAL_OIDC_CLAIM_FORMAT must be values or space-separated')
  return format
}

function checkIssuer(text: string, fault: Fault): void {
  const filled = text.replaceAll(REALM, 'realm')
  const url = URL.canParse(filled) ? new URL(filled) : undefined
  const isLocal = url !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return
  fault('PORTAL_OIDC_ISSUER must be an https URL (http is for a provider on localhost)')
}

function readScope(read: Read, fault: Fault): string {
  const scope = read('PORTAL_OIDC_SCOPE') ?? 'openid profile email'
  if (!scope.split(' ').includes('openid')) fault('PORTAL_OIDC_SCOPE must contain openid')
  return scope
}

type Secret = Pick<SingleSignOnSettings, 'clientSecret' | 'clientSecretFile'>

function readSecret(read: Read, fault: Fault, issuer: string): Secret {
  const value = read('PORTAL_OIDC_CLIENT_SECRET')
  const file = read('PORTAL_OIDC_CLIENT_SECRET_FILE')
  if (value !== undefined && file !== undefined)
    fault('PORTAL_OIDC_CLIENT_SECRET and PORTAL_OIDC_CLIENT_SECRET_FILE are both set; set one of them')
  if (file?.includes(REALM)) return { clientSecret: undefined, clientSecretFile: file }
  if (doIssuersDiffer({ issuer }) && (value ?? file) !== undefined)
    fault(
      `PORTAL_OIDC_CLIENT_SECRET${file === undefined ? '' : '_FILE'} would give the provider of each realm the secret of all, ` +
        `because PORTAL_OIDC_ISSUER contains ${REALM}: set PORTAL_OIDC_CLIENT_SECRET_FILE to a path with ${REALM}, one file a realm`,
    )
  return { clientSecret: file === undefined ? value : readFile(file, fault), clientSecretFile: undefined }
}

function readFile(file: string, fault: Fault): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    fault(`PORTAL_OIDC_CLIENT_SECRET_FILE cannot be read: ${(error as NodeJS.ErrnoException).code}`)
    return undefined
  }
}
