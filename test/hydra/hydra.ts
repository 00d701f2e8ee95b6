import { join } from 'node:path'
import type { Test } from 'tap'
import { missing, PEERS } from '../peers/programs.ts'
import { runPeer, startPeer, stopPeer } from '../peers/start.ts'
import { freePort } from '../support/free-port.ts'
import { type OwnPostgres, ownPostgres } from '../support/own-postgres.ts'
import { temporaryFolder } from '../support/process.ts'

const PROGRAM = join(PEERS, 'hydra/hydra')

/** Why a real Hydra cannot be tried here; `false` where it can. */
export const noHydra = missing(['Hydra (test/hydra/set-up.sh)', PROGRAM, 'version'])

export interface Hydra {
  /** Its public address. */
  readonly url: string
  readonly dsn: string
  readonly postgres: OwnPostgres
  /** Asks its admin API; answers what it sends. */
  admin(method: string, path: string, body?: unknown): Promise<unknown>
  /** Starts it again with another hasher of secrets. */
  restart(hasher: 'pbkdf2' | 'bcrypt'): Promise<void>
}

/** A Hydra on a PostgreSQL of its own, gone when the test ends. */
export async function startHydra(t: Test): Promise<Hydra> {
  const postgres = await ownPostgres(t)
  await postgres.start()
  const [port, adminPort] = [await freePort(), await freePort()]
  const cwd = temporaryFolder(t)
  const url = `http://127.0.0.1:${port}`
  const dsn = `${postgres.databaseUrl}?sslmode=disable&max_conns=20`
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    DSN: dsn,
    SECRETS_SYSTEM: 'a-secret-of-this-test-alone',
    URLS_SELF_ISSUER: url,
    SERVE_PUBLIC_HOST: '127.0.0.1',
    SERVE_PUBLIC_PORT: String(port),
    SERVE_ADMIN_HOST: '127.0.0.1',
    SERVE_ADMIN_PORT: String(adminPort),
    STRATEGIES_ACCESS_TOKEN: 'jwt',
    OAUTH2_HASHERS_BCRYPT_COST: '8',
    SQA_OPT_OUT: 'true',
  }
  const migrated = await runPeer([PROGRAM, 'migrate', 'sql', '-e', '--yes'], { cwd, env })
  if (!migrated.ok) throw new Error(`hydra migrate sql failed:\n${migrated.output}`)
  const start = (hasher: string) =>
    startPeer(t, ['nice', PROGRAM, 'serve', 'all', '--dev'], {
      cwd,
      env: { ...env, OAUTH2_HASHERS_ALGORITHM: hasher },
      isReady: async () => (await fetch(`${url}/health/ready`)).ok,
    })
  let child = await start('pbkdf2')
  return {
    url,
    dsn,
    postgres,
    async admin(method, path, body) {
      const headers = { 'content-type': 'application/json' }
      const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) }
      const answer = await fetch(`http://127.0.0.1:${adminPort}/admin${path}`, { method, ...sent })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${method} ${path}: Hydra answered ${answer.status} ${text}`)
      return text === '' ? undefined : JSON.parse(text)
    },
    async restart(hasher) {
      await stopPeer(child)
      child = await start(hasher)
    },
  }
}
