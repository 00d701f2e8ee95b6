import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import t from 'tap'
import type { KeyAlgorithm } from '../../src/domain/client-key.ts'
import { type KeyPair, keyClient } from '../support/assertion.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

// Clients that others wrote, unchanged, with the fewest lines around them. test/clients/set-up.sh fetches them.

const FETCHED = process.env['MINTMARK_CLIENTS'] ?? join(homedir(), '.cache/mintmark-clients')
const PYTHON = join(FETCHED, 'python/bin/python3')
const SPRING = join(FETCHED, 'spring/target/classes')

type Format = (pair: KeyPair, kid: string) => string

const pem: Format = ({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const jwk =
  (alg: string): Format =>
  ({ privateKey }, kid) =>
    JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' })

interface Peer {
  readonly name: string
  readonly algorithm: KeyAlgorithm
  readonly key: Format
  readonly needs: readonly string[]
  readonly command: readonly string[]
  readonly cwd?: string
}

const PEERS: readonly Peer[] = [
  {
    name: 'Authlib',
    algorithm: 'RS256',
    key: pem,
    needs: [PYTHON],
    command: [PYTHON, '-B', 'authlib_client.py'],
  },
  {
    name: 'requests-oauth2client',
    algorithm: 'ES256',
    key: jwk('ES256'),
    needs: [PYTHON],
    command: [PYTHON, '-B', 'requests_oauth2client_client.py'],
  },
  {
    name: "Spring Security's NimbusJwtClientAuthenticationParametersConverter",
    algorithm: 'ES256',
    key: jwk('ES256'),
    needs: [SPRING],
    command: [
      'sh',
      '-c',
      'exec java -cp "target/classes:$(cat classpath)" example.PrivateKeyJwt "$@"',
      'java',
    ],
    cwd: join(FETCHED, 'spring'),
  },
  {
    name: 'golang-jwt',
    algorithm: 'ES256',
    key: pem,
    needs: [join(homedir(), 'go/pkg/mod/github.com/golang-jwt/jwt/v5@v5.3.1')],
    command: ['go', 'run', '.'],
    cwd: join(import.meta.dirname, 'golang-jwt'),
  },
]

for (const { name, algorithm, key, needs, command, cwd = import.meta.dirname } of PEERS) {
  const absent = needs.find((path) => !existsSync(path))
  const skip = absent !== undefined && `not here: ${absent}; test/clients/set-up.sh fetches it`
  t.test(`${name} gets a token by private_key_jwt`, { skip }, async (t) => {
    const port = await freePort()
    const publicUrl = `http://localhost:${port}`
    const server = await testServer(t, { publicUrl, clock: { ...testClock(), read: () => new Date() } })
    await server.operations.realms.create(TESTER, 'acme')
    await server.app.listen({ port, host: 'localhost' })
    const client = await keyClient(server, { algorithm })
    const file = join(temporaryFolder(t), 'key')
    writeFileSync(file, key(client.pair, client.kid))
    const [program = '', ...args] = command
    const given = [`${publicUrl}/realms/acme`, client.clientId, file]
    const env = { ...process.env, NODE_OPTIONS: '' }
    const { stdout } = await promisify(execFile)(program, [...args, ...given], { cwd, env })
    t.equal(decodeJwt(stdout.trim()).sub, client.clientId)
  })
}
