import type { AccessToken } from './access-token.ts'
import type { BearerRequest } from './bearer.ts'
import { requireScope } from './permissions.ts'
import { TokenError } from './token-error.ts'
import type { Verifier } from './verifier.ts'

export interface ConnectVerifierOptions {
  /** A scope that every request needs. Default: none. */
  readonly scope?: string
}

interface ResponseLike {
  statusCode: number
  readonly headersSent?: boolean
  setHeader(name: string, value: string): unknown
  end(body?: string): unknown
}

type ConnectVerifier = (
  request: BearerRequest & { token?: AccessToken },
  response: ResponseLike,
  next: (error?: unknown) => void,
) => void

/**
 * Express and Connect middleware. The verified token is `request.token`; anything else is answered as RFC 6750
 * section 3 says.
 */
export function connectVerifier(verifier: Verifier, { scope }: ConnectVerifierOptions = {}): ConnectVerifier {
  const authenticate = async (request: BearerRequest & { token?: AccessToken }): Promise<void> => {
    const token = await verifier.authenticate(request)
    if (scope !== undefined) requireScope(token, scope)
    request.token = token
  }
  return (request, response, next) => {
    authenticate(request).then(
      () => next(),
      (error) => (error instanceof TokenError ? refuse(response, error) : next(error)),
    )
  }
}

function refuse(response: ResponseLike, { status, headers, body }: TokenError): void {
  // Something else, a time limit say, has answered meanwhile.
  if (response.headersSent) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (body) response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(body && JSON.stringify(body))
}
