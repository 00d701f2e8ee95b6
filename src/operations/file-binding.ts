import type { Realm } from '../domain/realm.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { TrustedIssuer } from '../domain/trusted-issuer.ts'
import { accountImport } from './accounts/account-import.ts'
import { clientKeys } from './accounts/client-keys.ts'
import { serviceAccounts } from './accounts/service-accounts.ts'
import type { Dependencies } from './dependencies.ts'
import type { EndOfTrust } from './federation/end-of-trust.ts'
import { trustedIssuers } from './federation/trusted-issuers.ts'
import { workloadIdentities } from './federation/workload-identities.ts'
import type { BindOperations } from './realm-files/file-operations.ts'
import { realms } from './realms/realms.ts'
import type { Attempt, Refusals } from './refusals.ts'
import { grants } from './resources/grants.ts'
import { protectedResources } from './resources/protected-resources.ts'
import { webhooks } from './webhooks/webhooks.ts'

/** Refused attempts that are recorded: of a file with many faults, these say enough. */
const RECORDED = 20

/** Makes the ordinary operations on a transaction. What they do beside it waits for its end. */
export function fileBinding(deps: Dependencies, trust: Pick<EndOfTrust, 'finish'>): BindOperations {
  return (trx) => {
    const endings: [Pick<Realm, 'id' | 'name'>, TrustedIssuer][] = []
    const refused: [Attempt<never>, Refusal][] = []
    const own = { ...deps, db: trx, refusals: deferredRefusals(refused) }
    const finish: EndOfTrust['finish'] = async (realm, issuer) => {
      endings.push([realm, issuer])
      return issuer
    }
    return {
      operations: {
        realms: realms(own),
        accounts: { ...serviceAccounts(own), createAll: accountImport(own).createAll },
        clientKeys: clientKeys(own),
        workloadIdentities: workloadIdentities(own),
        trustedIssuers: trustedIssuers(own, { finish }),
        resources: protectedResources(own),
        grants: grants(own),
        webhooks: webhooks(own),
      },
      deferred: {
        async finish() {
          for (const [realm, issuer] of endings) await trust.finish(realm, issuer)
        },
        async recordRefusals() {
          for (const [attempt, refusal] of refused)
            await deps.refusals.ofChange(attempt, () => Promise.reject(refusal)).catch(() => {})
        },
      },
    }
  }
}

/** Written when the transaction is over: until then, its connection may be the only one. */
function deferredRefusals(refused: [Attempt<never>, Refusal][]): Refusals {
  return {
    ofChange: (attempt, work) =>
      work().catch((error: unknown) => {
        if (isRefusal(error) && refused.length < RECORDED) refused.push([attempt as Attempt<never>, error])
        throw error
      }),
    ofRead: (_attempt, work) => work(),
    ofSignIn: (_realm, _address, signIn) => signIn(),
  }
}

function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && error.name === 'Refusal'
}
