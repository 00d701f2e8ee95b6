import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Go modules that hold the definitions of the custom resources which the chart and its guide make. */
const MODULES = [
  {
    module: 'sigs.k8s.io/gateway-api@v1.4.0',
    files: ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
  },
  {
    module: 'github.com/external-secrets/external-secrets@v0.20.4',
    files: ['config/crds/bases/external-secrets.io_externalsecrets.yaml'],
  },
  {
    module: 'sigs.k8s.io/secrets-store-csi-driver@v1.5.3',
    files: ['config/crd/bases/secrets-store.csi.x-k8s.io_secretproviderclasses.yaml'],
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    files: [
      'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
      'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
    ],
  },
  {
    module: 'github.com/cloudnative-pg/cloudnative-pg@v1.27.1',
    files: ['config/crd/bases/postgresql.cnpg.io_clusters.yaml'],
  },
]

/** YAML of the definitions, by Go's module cache. @throws Error with what Go said, or where Go is missing */
export function customResourceDefinitions(): string[] {
  return MODULES.flatMap(({ module, files }) => {
    const { stdout, error } = spawnSync('go', ['mod', 'download', '-json', module], {
      encoding: 'utf8',
      env: { ...process.env, GOFLAGS: '', GONOSUMDB: '*' },
    })
    if (error) throw new Error('Go is missing: it fetches the definitions of custom resources')
    const { Dir, Error: fault } = JSON.parse(stdout) as { Dir?: string; Error?: string }
    if (Dir === undefined) throw new Error(fault)
    return files.map((file) => readFileSync(join(Dir, file), 'utf8'))
  })
}
