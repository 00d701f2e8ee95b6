import type { AccessToken } from './access-token.ts'
import type { BearerRequest } from './bearer.ts'
import { requireScope } from './permissions.ts'
import { METADATA_HEADERS, type ResourceMetadata } from './resource-metadata.ts'
import { TokenError } from './token-error.ts'
import type { Verifier, VerifyOptions } from './verifier.ts'

export interface ConnectVerifierOptions extends VerifyOptions {
  /** A scope that every request needs. Default: none. */
  readonly scope?: string
  /** Served at its path without a token, and named in challenges (RFC 9728). Default: none. */
  readonly metadata?: ResourceMetadata
}

interface RequestLike extends BearerRequest {
  readonly method?: string | undefined
  readonly originalUrl?: string
  token?: AccessToken
}

interface ResponseLike {
  statusCode: number
  readonly headersSent?: boolean
  setHeader(name: string, value: string): unknown
  end(body?: string): unknown
}

type Next = (error?: unknown) => void

type ConnectVerifier = (request: RequestLike, response: ResponseLike, next: Next) => void

declare global {
  // Express's own hook for what middleware adds to a request.
  namespace Express {
    interface Request {
      /** The verified access token, after `connectVerifier`. */
      token?: AccessToken
    }
  }
}

/**
 * Express and Connect middleware. The verified token is `request.token`; a request without a good one is answered as
 * RFC 6750 section 3 says. For refusals that your handlers throw, add `tokenErrorHandler` after your routes. Use it before a
 * body parser, so that nothing of strangers is read, and again after it: a body may take longer than a token lives.
 */
export function connectVerifier(verifier: Verifier, options: ConnectVerifierOptions = {}): ConnectVerifier {
  const { scope, metadata } = options
  const authenticate = async (request: RequestLike): Promise<void> => {
    const token = await verifier.authenticate(request, options)
    if (scope !== undefined) requireScope(token, scope)
    request.token = token
  }
  return (request, response, next) => {
    if (metadata && isFor(metadata, request)) return serve(metadata, response)
    authenticate(request).then(
      () => next(),
      (error) => (error instanceof TokenError ? refuse(response, error, metadata) : next(error)),
    )
  }
}

/**
 * Express and Connect error middleware: answers a `TokenError` that a handler threw or passed to `next`, and leaves every
 * other error to the next handler. Express 4 does not see what an async handler throws: wrap it in `withTokenErrors`.
 */
export function tokenErrorHandler(
  error: unknown,
  _request: unknown,
  response: ResponseLike,
  next: Next,
): void {
  if (error instanceof TokenError) refuse(response, error)
  else next(error)
}

/** Passes what an async handler throws to `next`, as Express 5 does by itself and Express 4 does not. */
export function withTokenErrors<Request, Response>(
  handler: (request: Request, response: Response, next: Next) => unknown,
): (request: Request, response: Response, next: Next) => void {
  return (request, response, next) => {
    new Promise((resolve) => resolve(handler(request, response, next))).catch(next)
  }
}

function isFor({ path }: ResourceMetadata, { method, originalUrl, url }: RequestLike): boolean {
  const asked = (originalUrl ?? url ?? '').split('?', 1)[0]
  return asked === path && (method === 'GET' || method === 'HEAD')
}

function serve({ body }: ResourceMetadata, response: ResponseLike): void {
  for (const [name, value] of Object.entries(METADATA_HEADERS)) response.setHeader(name, value)
  response.end(body)
}

function refuse(response: ResponseLike, error: TokenError, metadata?: ResourceMetadata): void {
  // Something else, a time limit say, has answered meanwhile.
  if (response.headersSent) return
  const { status, body } = error
  response.statusCode = status
  for (const [name, value] of Object.entries(error.headersWith(metadata?.url)))
    response.setHeader(name, value)
  if (body) response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(body && JSON.stringify(body))
}
