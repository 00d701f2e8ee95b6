/** An RSA key whose private half was thrown away. */
export const SHORT_KEY = {
  kty: 'RSA',
  e: 'AQAB',
  kid: 'a',
  n: [
    'wzeA9AopUiQQmlKrh27Y5OzLGXHQpHm-RhYMGaeHxY7ipFsGhWfl95d48bxOjypEw2iNiddzDFWTUjml1Dso6DhiA2Av0k9dIlG8',
    '_oPkQ3JlgPCTXsowctW9BhUzuKmutR9pvpFfbWZNI10ie8H4Xfy1w-nm-a9rfWWXRNVB2DKeaAmW8Tmdx_LTZ0ds3RnJyfvmd0a5',
    'eDfqKXa74-i__CUZKS35qMoj1_ISnza8PJFQVXhTbZ8fYgKs3iIvBtmZkOdHM1bqPgPYv0XZ8w8usFMWFLdP6nFelE-NembvWPUC',
    'nXIJ1aCUwgkD_TsoghZ25ufowSf0pDMr0w7xwSz6_Q',
  ].join(''),
} as const

/** By that key; the first byte of its signature happens to be zero, as in one of 256. */
export const WHOLE_TOKEN = [
  'eyJhbGciOiJQUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUiLCJleHAiO',
  'jIwMDAwMDAwMDAsImlhdCI6MTAwMDAwMDAwMCwianRpIjoiNDIiLCJjbGllbnRfaWQiOiJhIn0.AB3fxK6TTRU4A8RS6qIEebsvV',
  'SXI4oUgsd6Qc6EJuJBX_V7z3PPvCAigb9PSXaZGyjiXUQlJGeLf4B67uTzL-Y62ALwUsFShImAUijVDQq4DWAIJtYqNLYjv7vCFA',
  'vXewQh3I4qwWOBvHpGUsnU89gbqnHDDKEhwBOtFxb5pLPsoXyU-OyiCyTZHvvpqLB0PMd0-RIKbVjL1y8_XxSK3ug0xK82xXFPjv',
  'JR_GEj5HVH15TfNYW3sTEQzDDrcdagwD5Uivxq3gqMMXYDi-nMRTpPfsIwZZY7K7QqBy0VEBpPr2k77iszwmTkCZw3cL3aJroAVm',
  'QLuOo37pAu2lqPCBg',
].join('')

/** The same without that byte. OpenSSL takes it where the padding is PSS. */
export const SHORT_TOKEN = withoutLeadingZero(WHOLE_TOKEN)

function withoutLeadingZero(token: string): string {
  const at = token.lastIndexOf('.') + 1
  return token.slice(0, at) + Buffer.from(token.slice(at), 'base64url').subarray(1).toString('base64url')
}
