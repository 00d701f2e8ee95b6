import { readFileSync } from 'node:fs'

/** The company's OpenID provider, for the portal. `{realm}` in a text stands for the realm's name. */
export interface SingleSignOnConfig {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string | undefined
  readonly scope: string
  readonly accessClaim: string
  readonly adminValue: string
  readonly viewerValue: string | undefined
}

type Read = (name: string) => string | undefined
type Fault = (message: string) => void

/** `undefined` without PORTAL_OIDC_ISSUER. */
export function readSingleSignOn(read: Read, fault: Fault): SingleSignOnConfig | undefined {
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
  return {
    issuer,
    clientId: needed('PORTAL_OIDC_CLIENT_ID'),
    clientSecret: readSecret(read, fault),
    scope: readScope(read, fault),
    accessClaim: read('PORTAL_OIDC_CLAIM') ?? 'roles',
    adminValue: needed('PORTAL_OIDC_ADMIN_VALUE'),
    viewerValue: read('PORTAL_OIDC_VIEWER_VALUE'),
  }
}

function checkIssuer(text: string, fault: Fault): void {
  const filled = text.replaceAll('{realm}', 'realm')
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

function readSecret(read: Read, fault: Fault): string | undefined {
  const value = read('PORTAL_OIDC_CLIENT_SECRET')
  const file = read('PORTAL_OIDC_CLIENT_SECRET_FILE')
  if (value !== undefined && file !== undefined)
    fault('PORTAL_OIDC_CLIENT_SECRET and PORTAL_OIDC_CLIENT_SECRET_FILE are both set; set one of them')
  if (file === undefined) return value
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    fault(`PORTAL_OIDC_CLIENT_SECRET_FILE cannot be read: ${(error as NodeJS.ErrnoException).code}`)
    return undefined
  }
}
