import { execFileSync } from 'node:child_process'
import { freePort } from '../../test/support/free-port.ts'
import { CONNECTIONS } from '../support/load.ts'
import type { Client } from '../support/mintmark.ts'
import { startServer } from '../support/processes.ts'
import type { RealPeer } from './keycloak.ts'

/** Hydra with its defaults, and JWTs of ES256 as access tokens. */
export async function startHydra(
  from: string,
  databaseUrl: string,
  { clientId, clientSecret }: Client,
): Promise<RealPeer> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const env = {
    // A request of Hydra holds one connection while it waits for a second one: with too few it deadlocks.
    DSN: `${databaseUrl}?sslmode=disable&max_conns=${2 * CONNECTIONS}&max_idle_conns=${2 * CONNECTIONS}`,
    SECRETS_SYSTEM: 'a-secret-of-this-bench-alone',
    URLS_SELF_ISSUER: url,
    SERVE_PUBLIC_HOST: '127.0.0.1',
    SERVE_PUBLIC_PORT: String(port),
    SERVE_ADMIN_HOST: '127.0.0.1',
    SERVE_ADMIN_PORT: String(adminPort),
    STRATEGIES_ACCESS_TOKEN: 'jwt',
    LOG_LEVEL: 'warn',
    SQA_OPT_OUT: 'true',
  }
  execFileSync(from, ['migrate', 'sql', '-e', '--yes'], { env: { ...process.env, ...env }, stdio: 'ignore' })
  const version = execFileSync(from, ['version'], { encoding: 'utf8' })
  const server = await startServer({
    name: `Hydra ${/v([\d.]+)/.exec(version)?.[1] ?? ''}`.trim(),
    program: from,
    args: ['serve', 'all', '--dev'],
    env,
    url,
    readyPath: '/health/ready',
  })
  const admin = `http://127.0.0.1:${adminPort}/admin`
  await post(`${admin}/keys/hydra.jwt.access-token`, { alg: 'ES256', use: 'sig', kid: 'bench' })
  await post(`${admin}/clients`, {
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_post',
  })
  return { server, tokenPath: '/oauth2/token' }
}

async function post(url: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
}
