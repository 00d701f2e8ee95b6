import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { missingForApiServer, startApiServer } from '../support/kubernetes.ts'
import { customResourceDefinitions } from './custom-resources.ts'

const ROOT = join(import.meta.dirname, '../..')
const CHART = join(ROOT, 'deploy/helm/mintmark')
const HELM = process.env['HELM'] ?? 'helm'

type Values = Readonly<Record<string, unknown>>

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: Readonly<Record<string, unknown>>
  readonly data?: unknown
}

const BASE = { publicUrl: 'https://auth.example.com' }
const SECRET = { ...BASE, secrets: { existingSecret: 'mintmark' } }

/** What people set, each alone and all that go together. */
const MATRIX: Readonly<Record<string, Values>> = {
  'the least': SECRET,
  'a path, an ingress and a route': {
    ...SECRET,
    publicUrl: 'https://corp.example:8443/auth',
    ingress: { enabled: true, className: 'nginx', tlsSecretName: 'tls', annotations: { a: 'b' } },
    httpRoute: { enabled: true, parentRefs: [{ name: 'gateway', namespace: 'edge' }] },
  },
  'an ingress at the root': { ...SECRET, ingress: { enabled: true } },
  'External Secrets': {
    ...BASE,
    secrets: {
      externalSecret: {
        enabled: true,
        storeRef: { name: 'vault' },
        remoteKeys: {
          databaseUrl: 'mintmark/database',
          masterKey: 'mintmark/key',
          metricsToken: 'mintmark/m',
        },
      },
      keys: { metricsToken: 'METRICS_TOKEN' },
    },
  },
  'the CSI driver': {
    ...BASE,
    secrets: { csi: { enabled: true, provider: 'aws', parameters: { objects: '- objectName: x' } } },
  },
  'a role for migrations, a CA and a first administrator': {
    ...SECRET,
    migration: { existingSecret: 'mintmark-owner' },
    databaseCa: { configMap: 'database-ca' },
    bootstrapAdmin: { clientId: 'admin', secretName: 'mintmark-admin' },
  },
  'realm files and a CA of issuers': {
    ...SECRET,
    issuerCa: { configMap: 'issuer-ca' },
    realmFiles: {
      files: {
        'acme.yaml': '# text\nrealm: acme\nroles: [ops]\n',
        'other.yml': { realm: 'other', scopes: ['yes'] },
      },
    },
  },
  'a ConfigMap of realm files': {
    ...SECRET,
    podAnnotations: { a: 'b' },
    realmFiles: { existingConfigMap: 'realms' },
  },
  'metrics and autoscaling': {
    ...BASE,
    secrets: { existingSecret: 'mintmark', keys: { metricsToken: 'METRICS_TOKEN' } },
    metrics: {
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
    },
    autoscaling: { enabled: true },
  },
  'nothing that can be left out': {
    ...SECRET,
    migration: { enabled: false },
    podDisruptionBudget: { enabled: false },
    networkPolicy: { enabled: false },
    preStopSeconds: 0,
    replicas: 1,
    resources: {},
  },
  'everything of a pod': {
    ...SECRET,
    image: { repository: 'registry.example.com/mintmark', digest: `sha256:${'a'.repeat(64)}` },
    imagePullSecrets: [{ name: 'registry' }],
    trustProxy: '10.0.0.0/8',
    docsUrl: 'https://docs.example.com',
    workers: 4,
    extraEnv: [{ name: 'PORTAL_OIDC_ISSUER', value: 'https://login.example.com' }],
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'spot', operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
    ],
    podAnnotations: { a: 'b' },
    podLabels: { team: 'identity' },
    serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/x' } },
    service: { type: 'LoadBalancer', annotations: { a: 'b' } },
    networkPolicy: {
      ingressFrom: [{ namespaceSelector: {} }],
      database: { port: 6432, to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] },
      egressHttps: false,
      extraEgress: [{ ports: [{ port: 4318 }] }],
    },
  },
}

/** What has to be refused, and what it says. */
const REFUSED: Readonly<Record<string, readonly [Values, RegExp]>> = {
  'no publicUrl': [{ secrets: { existingSecret: 'mintmark' } }, /publicUrl is needed/],
  'no source of secrets': [BASE, /exactly one of/],
  'two sources of secrets': [
    { ...BASE, secrets: { existingSecret: 'a', csi: { enabled: true, provider: 'aws' } } },
    /exactly one of/,
  ],
  'a name that is none': [{ ...SECRET, publicURL: 'x' }, /publicURL/],
  'a publicUrl that ends in a slash': [{ ...SECRET, publicUrl: 'https://auth.example.com/' }, /publicUrl/],
  'a route without its gateway': [{ ...SECRET, httpRoute: { enabled: true } }, /parentRefs is needed/],
  'a scrape without a token': [
    { ...SECRET, metrics: { serviceMonitor: { enabled: true } } },
    /needs secrets.keys.metricsToken/,
  ],
  'two sources of realm files': [
    { ...SECRET, realmFiles: { files: { 'a.yaml': 'realm: a' }, existingConfigMap: 'realms' } },
    /either realmFiles.files or realmFiles.existingConfigMap/,
  ],
  'a realm file that no node would read': [
    { ...SECRET, realmFiles: { files: { 'a.txt': 'realm: a' } } },
    /a\.txt/,
  ],
  'a first administrator without a secret': [
    { ...SECRET, bootstrapAdmin: { clientId: 'a' } },
    /secretName is needed/,
  ],
}

function helm(args: readonly string[], values: Values) {
  return spawnSync(HELM, [...args, '--values', '-'], { encoding: 'utf8', input: JSON.stringify(values) })
}

function render(values: Values): Manifest[] {
  const { status, stdout, stderr } = helm(['template', 'mintmark', CHART, '--namespace', 'mintmark'], values)
  if (status !== 0) throw new Error(stderr)
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

interface Container {
  readonly securityContext: Readonly<Record<string, unknown>>
}

function containersOf({ spec }: Manifest): readonly Container[] {
  const template = spec?.['template'] as { spec?: { containers?: Container[] } } | undefined
  return template?.spec?.containers ?? []
}

if (spawnSync(HELM, ['version']).status !== 0) {
  t.fail('helm is missing: put it into PATH, or name it in HELM')
} else {
  for (const [name, values] of Object.entries(MATRIX)) {
    t.test(`the chart with ${name}`, async (t) => {
      const lint = helm(['lint', '--strict', CHART], values)
      t.equal(lint.status, 0, `passes helm lint --strict ${lint.stdout}`)
      const manifests = render(values)
      t.notOk(
        manifests.some(({ kind, data }) => kind === 'Secret' || (kind !== 'ConfigMap' && data !== undefined)),
        'holds no secret',
      )
      for (const manifest of manifests)
        for (const { securityContext } of containersOf(manifest)) {
          t.equal(securityContext['readOnlyRootFilesystem'], true, `${manifest.kind}: its root is read-only`)
          t.match(securityContext['capabilities'], { drop: ['ALL'] }, 'and it has no capability')
        }
    })
  }

  for (const [name, [values, says]] of Object.entries(REFUSED)) {
    t.test(`the chart refuses ${name}, and says why`, async (t) => {
      const { status, stderr } = helm(['template', 'mintmark', CHART], values)
      t.not(status, 0)
      t.match(stderr, says)
    })
  }

  t.test(
    'realm files reach the server as they were given, and nodes start anew with other ones',
    async (t) => {
      const files = {
        'acme.yaml': '# text\nrealm: acme\nroles: [ops]\n',
        'other.yml': { realm: 'other', scopes: ['yes'] },
      }
      const manifests = render({ ...SECRET, realmFiles: { files } })
      const { metadata, data } = manifests.find(({ kind }) => kind === 'ConfigMap') as Manifest
      const texts = data as Record<string, string>
      t.equal(texts['acme.yaml'], files['acme.yaml'])
      t.same(parse(texts['other.yml'] as string), files['other.yml'])
      const deploymentOf = (all: Manifest[]) => JSON.stringify(all.find(({ kind }) => kind === 'Deployment'))
      const deployment = deploymentOf(manifests)
      t.match(deployment, '{"name":"REALM_FILE","value":"/etc/mintmark/realms"}')
      t.match(deployment, `{"name":"realms","configMap":{"name":"${metadata.name}"}}`)
      const changed = render({ ...SECRET, realmFiles: { files: { ...files, 'acme.yaml': 'realm: acme' } } })
      t.not(deploymentOf(changed), deployment)
      t.notMatch(deploymentOf(render(SECRET)), /REALM_FILE|realms/)
    },
  )

  t.test('a real API server takes every object of every set of values, and knows each field', async (t) => {
    const missing = missingForApiServer()
    if (missing !== undefined) return void t.fail(missing)
    const { kubectl } = await startApiServer(t)
    const definitions = kubectl(
      ['apply', '--server-side', '-f', '-'],
      customResourceDefinitions().join('\n---\n'),
    )
    t.equal(definitions.status, 0, definitions.output)
    t.equal(kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']).status, 0)
    t.equal(kubectl(['create', 'namespace', 'mintmark']).status, 0)
    for (const [name, values] of Object.entries(MATRIX)) {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: render(values) })
      const { status, output } = kubectl(
        ['apply', '--namespace=mintmark', '--dry-run=server', '--validate=strict', '-f', '-'],
        list,
      )
      t.equal(status, 0, `${name}: ${output}`)
    }
    const docs = readFileSync(join(ROOT, 'docs/kubernetes.md'), 'utf8')
    const objects = [...docs.matchAll(/```yaml\n(apiVersion: [\s\S]*?)```/g)].map(
      ([, yaml]) => yaml as string,
    )
    for (const group of ['postgresql.cnpg.io/', 'networking.k8s.io/'])
      t.ok(
        objects.some((yaml) => yaml.startsWith(`apiVersion: ${group}`)),
        `the page has an object of ${group} to paste`,
      )
    for (const yaml of objects) {
      const { status, output } = kubectl(
        ['apply', '--namespace=mintmark', '--dry-run=server', '--validate=strict', '-f', '-'],
        yaml,
      )
      t.equal(status, 0, `docs/kubernetes.md: ${output}`)
    }
  })
}
