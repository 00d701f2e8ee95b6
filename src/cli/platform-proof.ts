import { CLIENT_ASSERTION_TYPE } from '../domain/client-assertion.ts'
import { loadClientPackage } from './client-package.ts'
import { TokenFault } from './token-fault.ts'

/** Type of a JWT-SVID, which often has no iss. */
const SPIFFE_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'

/** Members of the form that say who asks; made anew for each request. */
export type Proof = () => Promise<Record<string, string>> | Record<string, string>

/** What the platform gives for the issuer, or for the audience that is named. @throws TokenFault */
export async function platformTokenOf(
  { issuer, from = '', audience }: { issuer: string; from?: string; audience?: string },
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const get = await platformSource(from, { audience, env })
  return get(issuer.replace(/\/+$/, ''))
}

interface SourceOptions {
  readonly audience: string | undefined
  readonly env: NodeJS.ProcessEnv
}

async function platformSource(
  from: string,
  options: SourceOptions,
): Promise<(issuer: string) => Promise<string>> {
  const { PlatformTokenError, platformToken } = await loadClientPackage()
  let get: (issuer: string) => Promise<string>
  try {
    get = platformToken(from, options)
  } catch (error) {
    throw new TokenFault((error as Error).message)
  }
  return (issuer) =>
    get(issuer).catch((error: unknown) => {
      throw error instanceof PlatformTokenError ? new TokenFault(error.message) : error
    })
}

/** The platform's token, fetched anew for each request. @throws TokenFault */
export async function platformProof(from: string, issuer: string, options: SourceOptions): Promise<Proof> {
  const get = await platformSource(from, options)
  const { isJwtSvid } = await loadClientPackage()
  return async () => {
    const token = await get(issuer)
    const type = isJwtSvid(token) ? SPIFFE_ASSERTION_TYPE : CLIENT_ASSERTION_TYPE
    return { client_assertion_type: type, client_assertion: token }
  }
}
