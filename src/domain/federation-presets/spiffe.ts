import type { FederationPreset } from './preset.ts'

export const SPIFFE_PRESET: FederationPreset = {
  title: 'SPIFFE',
  issuerPattern: /^(spiffe:\/\/[a-z0-9._-]{1,255}|https:\/\/\S+)$/,
  issuerExample: 'spiffe://example.org, the trust domain',
  requiredClaims: [['sub']],
  maxLifetimeSeconds: 3600,
  claims: [
    {
      claim: ['sub'],
      meaning: 'The SPIFFE ID: trust domain and path of the workload.',
      example: 'spiffe://example.org/billing/worker',
    },
    {
      claim: ['iss'],
      meaning:
        'Mostly missing. Where the SPIRE server has a jwt_issuer, that address is the issuer to trust.',
      example: 'https://oidc.example.org',
    },
  ],
  warnings: [
    'Keys come from the bundle endpoint of the trust domain, or are uploaded: give them in `keys`.',
    'Each server of the trust domain can issue every SPIFFE ID in it.',
  ],
}
