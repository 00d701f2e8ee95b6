import type { FederationPreset, PresetClaim } from './preset.ts'

const CLAIMS: readonly PresetClaim[] = [
  { claim: ['kubernetes.io', 'namespace'], meaning: 'Namespace of the pod.', example: 'prod' },
  {
    claim: ['kubernetes.io', 'serviceaccount', 'name'],
    meaning: 'Service account of the pod.',
    example: 'billing',
  },
  {
    claim: ['kubernetes.io', 'serviceaccount', 'uid'],
    meaning: 'Its id, new when an account of that name is deleted and made again.',
    example: 'a087d5a0-e1dd-43ec-93ac-f13d89cd13af',
  },
  {
    claim: ['sub'],
    meaning: 'Namespace and name in one.',
    example: 'system:serviceaccount:prod:billing',
  },
  {
    claim: ['kubernetes.io', 'pod', 'name'],
    meaning: 'The pod: another one after each restart of a deployment.',
    example: 'billing-69cbfb9798-jv9gn',
  },
  { claim: ['kubernetes.io', 'node', 'name'], meaning: 'Node that it runs on.', example: 'node-1' },
]

const WARNINGS: readonly string[] = [
  'The service account "default" is that of every pod without one of its own: bind to a named one.',
  'Everybody who may create pods in a namespace can use each of its service accounts.',
]

const KUBERNETES: FederationPreset = {
  title: 'Kubernetes',
  issuerPattern: /^https:\/\/\S+$/,
  issuerExample: 'what `kubectl get --raw /.well-known/openid-configuration` says',
  keys: { source: 'discovery' },
  requiredClaims: [
    ['kubernetes.io', 'namespace'],
    ['kubernetes.io', 'serviceaccount', 'name'],
  ],
  maxLifetimeSeconds: 3600,
  claims: CLAIMS,
  warnings: WARNINGS,
}

export const KUBERNETES_PRESETS = {
  kubernetes: KUBERNETES,
  eks: {
    ...KUBERNETES,
    title: 'Amazon EKS',
    issuerPattern: /^https:\/\/oidc\.eks\.[\w-]+\.(amazonaws\.com(\.cn)?|api\.aws)\/id\/[0-9A-Fa-f]+$/,
    issuerExample: 'https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF',
  },
  gke: {
    ...KUBERNETES,
    title: 'Google Kubernetes Engine',
    issuerPattern:
      /^https:\/\/container\.googleapis\.com\/v1\/projects\/[\w:.-]+\/(locations|zones)\/[\w-]+\/clusters\/[\w-]+$/,
    issuerExample:
      'https://container.googleapis.com/v1/projects/my-project/locations/europe-west3/clusters/my-cluster',
  },
  aks: {
    ...KUBERNETES,
    title: 'Azure Kubernetes Service',
    // It ends with a slash, which counts.
    issuerPattern: /^https:\/\/[\w-]+\.oic\.[\w.-]+\/[0-9a-f-]{36}\/[0-9a-f-]{36}\/$/,
    issuerExample:
      'https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000000/11111111-1111-1111-1111-111111111111/',
    warnings: [
      ...WARNINGS,
      'A token for api://AzureADTokenExchange is good at Microsoft Entra too: project one for this realm instead.',
    ],
  },
} as const satisfies Readonly<Record<string, FederationPreset>>
