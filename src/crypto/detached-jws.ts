import type { Signer } from './signing.ts'

/** No token has this type: receivers and APIs tell the two apart by the header. */
export const WEBHOOK_JWS_TYPE = 'webhook+jws'

/** A JWS in compact form whose payload is sent beside it (RFC 7515 appendix F). */
export async function signDetached(
  payload: string,
  header: Readonly<Record<string, unknown>>,
  { sign, kid, algorithm }: Signer,
): Promise<string> {
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const protectedHeader = encode(JSON.stringify({ alg: algorithm, kid, ...header }))
  const signature = await sign(Buffer.from(`${protectedHeader}.${encode(payload)}`))
  return `${protectedHeader}..${Buffer.from(signature as Uint8Array).toString('base64url')}`
}
