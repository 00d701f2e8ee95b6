import { DEMO_REALM } from '../operations/accounts/bootstrap.ts'
import type { ServiceAccountWithSecret } from '../operations/accounts/new-service-account.ts'

/** Tells the first user what to paste. Straight to standard output: a secret has no business in a log. */
export function printWelcome(
  publicUrl: string,
  { account, clientSecret }: ServiceAccountWithSecret,
  portalLink: string,
): void {
  process.stdout.write(`
  Mintmark has made realm "${DEMO_REALM}" with a service account. Its secret is shown this once:

    client_id      ${account.clientId}
    client_secret  ${clientSecret}

  Get a token:

    curl -X POST ${publicUrl}/realms/${DEMO_REALM}/protocol/openid-connect/token \\
      -d grant_type=client_credentials \\
      -d client_id=${account.clientId} \\
      -d client_secret=${clientSecret}

  Open the portal, once and within ten minutes (mintmark portal-link --realm ${DEMO_REALM} prints another link):

    ${portalLink}

`)
}
