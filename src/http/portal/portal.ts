import cookies from '@fastify/cookie'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { networkOf } from '../../domain/failed-attempts.ts'
import type { Operations } from '../../operations/operations.ts'
import { keepWhileWorking } from '../body-time.ts'
import { clientAddress } from '../client-address.ts'
import { answerOtherMethods } from '../other-methods.ts'
import { scope } from '../scope.ts'
import { accountActivityScreen } from './account-activity.ts'
import { accountLimitsScreen } from './account-limits.ts'
import { serveAssets } from './assets.ts'
import { auditScreen } from './audit.ts'
import { authMethodsScreen } from './auth-methods.ts'
import { serveBelowPath } from './below-path.ts'
import { bulkAccountsScreen } from './bulk-accounts.ts'
import { claimsScreens } from './claims.ts'
import { clientKeyScreens } from './client-keys.ts'
import { deviceScreens } from './device-screens.ts'
import { drafts } from './drafts.ts'
import { errorPages, notFoundPage } from './error-pages.ts'
import { explainTokenScreen } from './explain-token.ts'
import { showFormsAgain } from './form-again.ts'
import { acceptForms } from './form-bodies.ts'
import { keysScreen } from './keys.ts'
import { createLayout, type Layout } from './layout.ts'
import { newServiceAccountScreen } from './new-service-account.ts'
import { newTrustedIssuerScreen } from './new-trusted-issuer.ts'
import { newWorkloadIdentityScreen } from './new-workload-identity.ts'
import { pageRegistry } from './page-registry.ts'
import { peopleScreen } from './people.ts'
import { permissionsScreen } from './permissions.ts'
import { platformScreens } from './platform-screens.ts'
import { publishedKeysScreen } from './published-keys.ts'
import { realmActivityScreen } from './realm-activity.ts'
import { realmSettingsScreen } from './realm-settings.ts'
import { refuseNul } from './refuse-nul.ts'
import { secretScreens } from './secrets.ts'
import { serviceAccountScreen } from './service-account.ts'
import { accountDeletionScreen } from './service-account-deletion.ts'
import { serviceAccountsScreen } from './service-accounts.ts'
import { realmCookies, sessionCookie } from './session-cookie.ts'
import { shadowScreens } from './shadow.ts'
import { signInScreen } from './sign-in.ts'
import { signOutScreen } from './sign-out.ts'
import { singleSignOnScreen } from './single-sign-on.ts'
import { tidyAddresses } from './tidy-addresses.ts'
import { trustedIssuerScreen } from './trusted-issuer.ts'
import { trustedIssuerEndScreens } from './trusted-issuer-end.ts'
import { trustedIssuerKeysScreen } from './trusted-issuer-keys.ts'
import { trustedIssuersScreen } from './trusted-issuers.ts'
import { tryItScreen } from './try-it.ts'
import { createPortal, type Gate, type Portal } from './visit.ts'
import { webhookScreen } from './webhook.ts'
import { webhooksScreen } from './webhooks.ts'
import { workloadIdentitiesScreen } from './workload-identities.ts'
import { workloadIdentityScreen } from './workload-identity.ts'

/** Settings → Service Accounts: the pages for people, under /portal. */
export async function portalRoutes(
  app: FastifyInstance,
  operations: Operations,
  { publicUrl, docsUrl }: { readonly publicUrl: string; readonly docsUrl?: string | undefined },
): Promise<void> {
  const secure = publicUrl.startsWith('https:')
  keepWhileWorking(app)
  await acceptForms(app)
  await app.register(cookies)
  await app.register(rateLimit, {
    global: false,
    keyGenerator: (request) => networkOf(clientAddress(request)),
  })
  await protectPages(app, secure)
  serveBelowPath(app, publicUrl)
  tidyAddresses(app)
  refuseNul(app)
  const endRoutes = answerOtherMethods(app, refusePortalMethod)

  const gate = openGate(app, operations, createLayout(serveAssets(app, publicUrl), docsUrl), publicUrl)
  signInScreen(app, operations, gate)
  singleSignOnScreen(app, operations, gate)

  const portal = createPortal(app, operations, gate)
  signOutScreen(portal, operations)
  accountScreens(portal, operations)
  deviceScreens(portal, operations)
  issuerScreens(portal, operations)
  keysScreen(portal, operations)
  auditScreen(portal, operations)
  realmScreens(portal, operations)
  platformScreens(portal, operations)
  endRoutes()
}

function refusePortalMethod(_request: FastifyRequest, _reply: FastifyReply, allow: string): never {
  throw Object.assign(new Error(`use ${allow}`), { statusCode: 405 })
}

/** Errors become pages, which keep what was typed. */
function openGate(app: FastifyInstance, operations: Operations, layout: Layout, publicUrl: string): Gate {
  const pages = pageRegistry()
  const kept = drafts(operations, sessionCookie(publicUrl, 'draft'))
  const typed = { again: showFormsAgain(pages, operations), drafts: kept }
  app.setErrorHandler(errorPages(layout, operations.singleSignOn.enabled, typed))
  const notFound = async (below: FastifyInstance) => void below.setNotFoundHandler(notFoundPage(layout))
  app.register(scope('portal-not-found', notFound), { prefix: '/portal' })
  const cookie = realmCookies(publicUrl)
  const signedInto: Gate['signedInto'] = async (request, reply, { realm, cookie: session }) => {
    const before = cookie.all(request)
    const useless = await operations.browserSessions.makeRoom(before, realm, clientAddress(request))
    for (const name of useless) cookie.clear(reply, name)
    cookie.set(reply, realm, session)
  }
  return { layout, cookie, signedInto, publicUrl, pages, withDraft: kept.show }
}

function realmScreens(portal: Portal, operations: Operations): void {
  realmActivityScreen(portal, operations)
  peopleScreen(portal, operations)
  realmSettingsScreen(portal, operations)
  webhooksScreen(portal, operations)
  webhookScreen(portal, operations)
  tryItScreen(portal, operations)
  shadowScreens(portal, operations)
}

function accountScreens(portal: Portal, operations: Operations): void {
  serviceAccountsScreen(portal, operations)
  newServiceAccountScreen(portal, operations)
  bulkAccountsScreen(portal, operations)
  serviceAccountScreen(portal, operations)
  accountDeletionScreen(portal, operations)
  accountActivityScreen(portal, operations)
  accountLimitsScreen(portal, operations)
  secretScreens(portal, operations)
  clientKeyScreens(portal, operations)
  publishedKeysScreen(portal, operations)
  authMethodsScreen(portal, operations)
  permissionsScreen(portal, operations)
  claimsScreens(portal, operations)
  workloadIdentitiesScreen(portal, operations)
  newWorkloadIdentityScreen(portal, operations)
  workloadIdentityScreen(portal, operations)
}

function issuerScreens(portal: Portal, operations: Operations): void {
  trustedIssuersScreen(portal, operations)
  newTrustedIssuerScreen(portal, operations)
  explainTokenScreen(portal, operations)
  trustedIssuerScreen(portal, operations)
  trustedIssuerKeysScreen(portal, operations)
  trustedIssuerEndScreens(portal, operations)
}

const SELF = ["'self'"]
const DIRECTIVES = {
  'default-src': ["'none'"],
  'style-src': SELF,
  'script-src': SELF,
  'img-src': SELF,
  'font-src': SELF,
  'connect-src': SELF,
  'form-action': SELF,
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
}

const EARLY = {
  'content-security-policy': Object.entries(DIRECTIVES)
    .map(([name, values]) => `${name} ${values.join(' ')}`)
    .join(';'),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
}

async function protectPages(app: FastifyInstance, secure: boolean): Promise<void> {
  await app.register(helmet, securityHeaders(secure))
  // Browsers must cache nothing, not even for the back button: some pages show a secret.
  app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))
  // Requests refused before these hooks run, such as those with an invalid Host, get a page too.
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.raw.hasHeader('content-security-policy')) reply.headers(EARLY)
  })
}

function securityHeaders(secure: boolean) {
  return {
    contentSecurityPolicy: { useDefaults: false, directives: DIRECTIVES },
    // Other sites get no referrer; our own forms still say that they are ours.
    referrerPolicy: { policy: 'same-origin' as const },
    frameguard: { action: 'deny' as const },
    // Hosts below this name belong to others.
    hsts: secure && { includeSubDomains: false },
  }
}
