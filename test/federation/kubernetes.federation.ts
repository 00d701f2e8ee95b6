import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { missing, type Need, PEERS } from '../peers/programs.ts'
import { startPeer } from '../peers/start.ts'
import { keyPair } from '../support/assertion.ts'
import { writeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { federationWorld, REFUSED } from './world.ts'

const API_SERVER = join(PEERS, 'bin/kube-apiserver')
const NEEDS: readonly Need[] = [
  ['kube-apiserver (test/federation/set-up.sh kubernetes)', API_SERVER, '--version'],
  ['etcd (Debian: etcd-server)', 'etcd', '--version'],
  ['openssl', 'openssl', 'version'],
]

interface Cluster {
  readonly issuer: string
  /** The authority of its API server, in PEM. */
  readonly ca: string
  readonly jwks: object
  /** A projected token, as the kubelet asks for it. */
  token(namespace: string, account: string, audience: string): Promise<string>
}

const ADMIN = 'admin-of-this-test'

/** etcd and an API server: pods do not run there, and tokens are issued as for them. */
async function cluster(t: Test, folder: string): Promise<Cluster> {
  const ca = String(writeCertificate(folder))
  const [port, client, peer] = [await freePort(), await freePort(), await freePort()]
  const etcd = `http://127.0.0.1:${client}`
  await startPeer(t, etcdCommand(folder, etcd, `http://127.0.0.1:${peer}`), {
    cwd: folder,
    isReady: async () => (await fetch(`${etcd}/health`)).ok,
  })
  const issuer = `https://localhost:${port}`
  const call = async (method: string, path: string, body?: object) =>
    JSON.parse(await callApi({ url: `${issuer}${path}`, method, ca, body }))
  writeFileSync(join(folder, 'tokens.csv'), `${ADMIN},admin,admin,system:masters\n`)
  writeFileSync(join(folder, 'sa.key'), keyPair('RS256').privateKey.export({ type: 'pkcs1', format: 'pem' }))
  await startPeer(t, apiServerCommand(folder, etcd, issuer, port), {
    cwd: folder,
    isReady: async () => (await callApi({ url: `${issuer}/readyz`, method: 'GET', ca })) === 'ok',
  })
  await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', DISCOVERY)
  return {
    issuer,
    ca,
    jwks: await call('GET', '/openid/v1/jwks'),
    async token(namespace, account, audience) {
      const named = (name: string) => ({ metadata: { name } })
      await call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', ...named(namespace) })
      const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
      await call('POST', accounts, { apiVersion: 'v1', kind: 'ServiceAccount', ...named(account) })
      const answer = await call('POST', `${accounts}/${account}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: [audience], expirationSeconds: 600 },
      })
      return answer.status.token
    },
  }
}

function etcdCommand(folder: string, client: string, peer: string): string[] {
  const clients = ['--listen-client-urls', client, '--advertise-client-urls', client]
  const peers = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer]
  return [
    'etcd',
    '--data-dir',
    join(folder, 'etcd'),
    ...clients,
    ...peers,
    '--initial-cluster',
    `default=${peer}`,
  ]
}

function apiServerCommand(folder: string, etcd: string, issuer: string, port: number): string[] {
  const options = {
    'etcd-servers': etcd,
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    'cert-dir': join(folder, 'certs'),
    'tls-cert-file': 'tls.crt',
    'tls-private-key-file': 'tls.key',
    'service-account-issuer': issuer,
    'service-account-jwks-uri': `${issuer}/openid/v1/jwks`,
    'service-account-key-file': 'sa.key',
    'service-account-signing-key-file': 'sa.key',
    'api-audiences': issuer,
    'service-cluster-ip-range': '10.96.0.0/24',
    'authorization-mode': 'RBAC',
    'token-auth-file': 'tokens.csv',
    'disable-admission-plugins': 'ServiceAccount',
  }
  return [API_SERVER, ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)]
}

/** Lets everybody read the issuer's documents, as managed clusters have it. */
const DISCOVERY = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'issuer-discovery' },
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: 'system:service-account-issuer-discovery',
  },
  subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:unauthenticated' }],
}

interface Call {
  readonly url: string
  readonly method: string
  readonly ca: string
  readonly body?: object | undefined
}

function callApi({ url, method, ca, body }: Call): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    request(url, { method, ca, headers }, (response) => text(response).then(resolve, reject))
      .on('error', reject)
      .end(body && JSON.stringify(body))
  })
}

t.test(
  'a projected token of Kubernetes gets a token, by discovery with the cluster’s CA and by uploaded keys',
  { skip: missing(...NEEDS) },
  async (t) => {
    const folder = temporaryFolder(t)
    const { issuer, ca, jwks, token } = await cluster(t, folder)
    const path = join(folder, 'token')
    for (const [keys, authority] of [
      [{ source: 'discovery' }, ca],
      [{ source: 'jwks', jwks }, undefined],
    ] as const) {
      const world = await federationWorld(t, authority)
      const trusted = await world.trust({ preset: 'kubernetes', issuer, keys })
      const bound = await world.bind(trusted, [
        { claim: ['kubernetes.io', 'namespace'], equals: 'prod' },
        { claim: ['kubernetes.io', 'serviceaccount', 'name'], equals: 'billing' },
      ])
      const say = async (namespace: string, account: string, audience: string) => {
        writeFileSync(path, await token(namespace, account, audience))
        return `kubernetes:${path}`
      }
      const good = await say('prod', 'billing', world.issuer)
      t.match(await world.claims(good), { sub: bound.clientId, iss: world.issuer }, keys.source)
      t.match(await world.token(await say('prod', 'other', world.issuer)), REFUSED, 'of another account')
      t.match(await world.token(await say('test', 'billing', world.issuer)), REFUSED, 'of another namespace')
      t.match(await world.token(await say('prod', 'billing', issuer)), REFUSED, 'for the API server')
      await world.unbind(bound)
      t.match(await world.token(await say('prod', 'billing', world.issuer)), REFUSED, 'bound no longer')
    }
  },
)
