import { readFile } from 'node:fs/promises'
import type { PlatformRequest } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'

/** Where the manifests of this project project a token for the issuer alone. */
export const KUBERNETES_TOKEN_FILE = '/var/run/secrets/mintmark/token'

/** A token in a file that somebody keeps fresh. It is sent as it is. */
export async function fromFile({ detail = '' }: PlatformRequest): Promise<string> {
  return readToken(detail)
}

/**
 * The projected token of a pod. The token that each pod has by itself is not taken: it is for the API server, and could
 * be used there.
 */
export async function fromKubernetes({ detail }: PlatformRequest): Promise<string> {
  if (detail !== undefined) return readToken(detail)
  try {
    return await readToken(KUBERNETES_TOKEN_FILE)
  } catch (error) {
    const { message } = error as Error
    throw new PlatformTokenError(`${message}; project a token there in the pod, or name it: kubernetes:PATH`)
  }
}

/** @throws PlatformTokenError */
export async function readToken(path: string): Promise<string> {
  let token: string
  try {
    token = await readFile(path, 'utf8')
  } catch (error) {
    const { code = 'it cannot be read' } = error as NodeJS.ErrnoException
    throw new PlatformTokenError(`the token file ${path} cannot be read: ${code}`)
  }
  if (token.trim() === '') throw new PlatformTokenError(`the token file ${path} is empty`)
  return token
}
