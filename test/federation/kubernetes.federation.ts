import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PEERS } from '../peers/programs.ts'
import { missingForApiServer, startApiServer } from '../support/kubernetes.ts'
import { temporaryFolder } from '../support/process.ts'
import { federationWorld, REFUSED } from './world.ts'

// Where the set-up puts it, beside folders that the machine knows.
process.env['PATH'] += `:${join(PEERS, 'bin')}`

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

async function cluster(t: Test) {
  const { url, certificateFile, call } = await startApiServer(t)
  await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', DISCOVERY)
  /** A token as the kubelet projects it into a pod. */
  const project = async (namespace: string, account: string, audience: string): Promise<string> => {
    const named = (name: string) => ({ metadata: { name } })
    await call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', ...named(namespace) })
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
    await call('POST', accounts, { apiVersion: 'v1', kind: 'ServiceAccount', ...named(account) })
    const answer = await call('POST', `${accounts}/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], expirationSeconds: 600 },
    })
    return (answer['status'] as { token: string }).token
  }
  const jwks = await call('GET', '/openid/v1/jwks')
  return { issuer: url, ca: readFileSync(certificateFile, 'utf8'), jwks, project }
}

t.test(
  'a projected token of Kubernetes gets a token, by discovery with the cluster’s CA and by uploaded keys',
  { skip: missingForApiServer() ?? false },
  async (t) => {
    const { issuer, ca, jwks, project } = await cluster(t)
    const path = join(temporaryFolder(t), 'token')
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
        writeFileSync(path, await project(namespace, account, audience))
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
