import { accountImport } from './accounts/account-import.ts'
import { bootstrap } from './accounts/bootstrap.ts'
import { clientKeys } from './accounts/client-keys.ts'
import { clientSecrets } from './accounts/client-secrets.ts'
import { leakedSecrets } from './accounts/leaked-secrets.ts'
import { serviceAccounts } from './accounts/service-accounts.ts'
import { clientAuthentication } from './clients/client-authentication.ts'
import { createFreshClients } from './clients/fresh-clients.ts'
import { createLoadedRealms, type LoadedRealms } from './clients/loaded-realms.ts'
import type { Dependencies } from './dependencies.ts'
import { accountKeys } from './federation/account-keys.ts'
import { endOfTrust } from './federation/end-of-trust.ts'
import { federation } from './federation/federation.ts'
import { fetchedKeys } from './federation/fetched-keys.ts'
import { foreignKeys } from './federation/foreign-keys.ts'
import { issuerRefusals as issuerRefusalsOf } from './federation/issuer-refusals.ts'
import { trustedIssuers } from './federation/trusted-issuers.ts'
import { workloadAuthentication } from './federation/workload-authentication.ts'
import { workloadIdentities } from './federation/workload-identities.ts'
import { fileBinding } from './file-binding.ts'
import { browserSessions as browserSessionsOf } from './portal/browser-sessions.ts'
import { enteredRealms } from './portal/entered-realms.ts'
import { portalSessions } from './portal/portal-sessions.ts'
import { portalVisits } from './portal/portal-visits.ts'
import { openSingleSignOn } from './portal/single-sign-on.ts'
import { realmFiles } from './realm-files/realm-files.ts'
import { masterKey } from './realms/master-key.ts'
import { policy } from './realms/policy.ts'
import { realmOverviews } from './realms/realm-overview.ts'
import { realms as realmsOf } from './realms/realms.ts'
import { signingKeys as signingKeysOf } from './realms/signing-keys.ts'
import { bulkGrants } from './resources/bulk-grants.ts'
import { grants } from './resources/grants.ts'
import { protectedResources } from './resources/protected-resources.ts'
import { resourceGrants } from './resources/resource-grants.ts'
import { resourceSummaries } from './resources/resource-summaries.ts'
import { accessTokens } from './tokens/access-tokens.ts'
import { activity } from './tokens/activity.ts'
import { administrators } from './tokens/administrators.ts'
import { foreignTokens } from './tokens/foreign-tokens.ts'
import { introspection } from './tokens/introspection.ts'
import { type PresentedTokens, presentedTokens as presentedTokensOf } from './tokens/presented-tokens.ts'
import { publishedRealms } from './tokens/published-realms.ts'
import { quotas as quotasOf } from './tokens/quotas.ts'
import { shadow as shadowOf } from './tokens/shadow.ts'
import { statusLists as statusListsOf } from './tokens/status-lists.ts'
import { tokenCounts as tokenCountsOf } from './tokens/token-counts.ts'
import { tokenPreviews } from './tokens/token-previews.ts'
import { tokenRevocation } from './tokens/token-revocation.ts'
import { uses as usesOf } from './tokens/uses.ts'
import { auditTrail } from './upkeep/audit-events.ts'
import { expiry } from './upkeep/expiry.ts'
import { health } from './upkeep/health.ts'
import { idempotency } from './upkeep/idempotency.ts'
import { measurements } from './upkeep/measurements.ts'
import { webhookDeliveries } from './webhooks/webhook-deliveries.ts'
import { webhookSender } from './webhooks/webhook-sender.ts'
import { webhookWatch } from './webhooks/webhook-watch.ts'
import { webhooks } from './webhooks/webhooks.ts'

/** All that the server can do, by noun; http, cli and server call these. */
export type Operations = ReturnType<typeof createOperations>

export function createOperations(deps: Dependencies) {
  const forTokens = { ...deps, db: deps.readDb, tokenDb: deps.readDb }
  const loadedRealms = createLoadedRealms(forTokens)
  const freshClients = createFreshClients(forTokens, loadedRealms)
  const presentedTokens = presentedTokensOf(forTokens, freshClients)
  const anyTokens = foreignTokens(forTokens, freshClients, presentedTokens)
  const counters = countersOf(deps, loadedRealms)
  const statusLists = statusListsOf(forTokens, loadedRealms)
  const administration = administrationOf(deps)
  const issuerKeys = fetchedKeys(deps)
  const issuerRefusals = issuerRefusalsOf(deps)
  const reads = { ...freshClients, findPublishedKeys: accountKeys(issuerKeys) }
  const workloads = workloadAuthentication(forTokens, { loadedRealms, issuerKeys, issuerRefusals })
  const counted = { ...administration, issuerKeys, issuerRefusals, ...counters }
  return {
    ...administration,
    administrators: administrators(deps, presentedAtPrimary(deps, presentedTokens)),
    federation: federation(deps, issuerKeys, issuerRefusals),
    issuerRefusals,

    clients: clientAuthentication(deps, reads, workloads.authenticate),
    workloads,
    tokens: {
      ...accessTokens(forTokens, counters),
      ...tokenPreviews(deps, freshClients),
    },
    presentedTokens,
    introspection: introspection(forTokens, anyTokens),
    revocation: tokenRevocation(deps, anyTokens),
    publishedRealms: publishedRealms(deps, loadedRealms),
    statusLists,
    ...counters,

    ...jobsOf(deps),
    health: health(deps, loadedRealms),
    idempotency: idempotency(deps),
    measurements: measurements(deps, { ...counted, loadedRealms, freshClients, statusLists }),
  }
}

/** Data that token requests leave in memory, to be written later. */
function countersOf(deps: Dependencies, loadedRealms: LoadedRealms) {
  const tokenCounts = tokenCountsOf(deps, loadedRealms)
  return {
    uses: usesOf(deps),
    tokenCounts,
    quotas: quotasOf(deps, tokenCounts),
    shadow: shadowOf(deps, loadedRealms),
  }
}

/** What runs by itself. */
function jobsOf(deps: Dependencies) {
  return { expiry: expiry(deps), webhookSender: webhookSender(deps), webhookWatch: webhookWatch(deps) }
}

/** Authority of administrators is decided by the primary alone. */
function presentedAtPrimary(deps: Dependencies, presentedTokens: PresentedTokens): PresentedTokens {
  if (deps.readDb === deps.tokenDb) return presentedTokens
  const atPrimary = { ...deps, db: deps.tokenDb }
  return presentedTokensOf(atPrimary, createFreshClients(atPrimary, createLoadedRealms(atPrimary)))
}

/** Operations of administrators and the portal, all on the pool for changes. */
function administrationOf(deps: Dependencies) {
  const { grants: providerGrants, singleSignOn } = openSingleSignOn(deps)
  const realms = { ...realmsOf(deps), ...realmOverviews(deps) }
  const signingKeys = signingKeysOf(deps)
  const portal = { ...portalSessions(deps, providerGrants), ...enteredRealms(deps) }
  const browserSessions = browserSessionsOf(deps)
  const trustEndings = endOfTrust(deps)
  return {
    accounts: { ...serviceAccounts(deps), ...accountImport(deps) },
    secrets: clientSecrets(deps),
    clientKeys: clientKeys(deps),
    workloadIdentities: workloadIdentities(deps),
    leakedSecrets: leakedSecrets(deps),
    bootstrap: bootstrap(deps),

    realms,
    signingKeys,
    foreignKeys: foreignKeys(deps),
    trustedIssuers: trustedIssuers(deps, trustEndings),
    trustEndings,
    masterKey: masterKey(deps, { realms, signingKeys, portal }),
    policy: policy(deps),
    realmFiles: realmFiles(deps, fileBinding(deps, trustEndings)),

    resources: { ...protectedResources(deps), ...resourceSummaries(deps) },
    grants: { ...grants(deps), ...bulkGrants(deps), ...resourceGrants(deps) },

    portal,
    portalVisits: portalVisits(deps, providerGrants, browserSessions),
    browserSessions,
    singleSignOn,

    webhooks: webhooks(deps),
    webhookDeliveries: webhookDeliveries(deps),

    activity: activity(deps),
    audit: auditTrail(deps),
  }
}
