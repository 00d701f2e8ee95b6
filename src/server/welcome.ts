import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DEMO_REALM } from '../operations/accounts/bootstrap.ts'
import type { ServiceAccountWithSecret } from '../operations/accounts/new-service-account.ts'

export interface Welcome {
  readonly publicUrl: string
  readonly dataDir: string
  readonly demo: ServiceAccountWithSecret
  readonly portalLink: string
}

/**
 * Tells the first user what to paste. A terminal shows the secret; anything else could be a log, so the secret and the
 * link go to files in DATA_DIR that only this user can read.
 */
export function printWelcome(welcome: Welcome): void {
  process.stdout.write(process.stdout.isTTY ? welcomeWithSecret(welcome) : welcomeByFiles(welcome))
}

function welcomeWithSecret({ publicUrl, demo, portalLink }: Welcome): string {
  const { account, clientSecret } = demo
  return `
  Mintmark has made realm "${DEMO_REALM}" with a service account. Its secret is shown this once:

    client_id      ${account.clientId}
    client_secret  ${clientSecret}

  Get a token:

    curl -X POST ${tokenEndpoint(publicUrl)} \\
      -d grant_type=client_credentials \\
      -d client_id=${account.clientId} \\
      -d client_secret=${clientSecret}

  Open the portal, once and within ten minutes (mintmark portal-link --realm ${DEMO_REALM} prints another link):

    ${portalLink}

`
}

function welcomeByFiles(welcome: Welcome): string {
  const { publicUrl, dataDir, demo } = welcome
  const { account, clientSecret } = demo
  const text = join(resolve(dataDir), 'welcome.txt')
  const form = join(resolve(dataDir), 'demo-client')
  writePrivately(text, welcomeWithSecret(welcome))
  writePrivately(
    form,
    `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
  )
  return `
  Mintmark has made realm "${DEMO_REALM}" with a service account. Standard output is no terminal, so its secret and the
  link to the portal are in files that only this user can read. Delete them once you have what you need:

    ${text}
    ${form}

  Get a token:

    curl -X POST ${tokenEndpoint(publicUrl)} \\
      -d @'${form}'

`
}

function tokenEndpoint(publicUrl: string): string {
  return `${publicUrl}/realms/${DEMO_REALM}/protocol/openid-connect/token`
}

/** A file that was there might have another mode, so it is made anew. */
function writePrivately(file: string, content: string): void {
  rmSync(file, { force: true })
  writeFileSync(file, content, { mode: 0o600, flag: 'wx' })
}
