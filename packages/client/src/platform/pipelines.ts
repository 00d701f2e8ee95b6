import { ask, memberOf } from './ask.ts'
import type { PlatformRequest } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'

/** A new ID token of the job, from the runner's own service. */
export async function fromGithub({ audience, env }: PlatformRequest): Promise<string> {
  const address = env['ACTIONS_ID_TOKEN_REQUEST_URL']
  const bearer = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']
  if (!address || !bearer || !URL.canParse(address))
    throw new PlatformTokenError(
      'GitHub gives this job no ID tokens: set "permissions: id-token: write" for it (ACTIONS_ID_TOKEN_REQUEST_URL is not set)',
    )
  const url = new URL(address)
  url.searchParams.set('audience', audience)
  const whom = `GitHub at ${url.host}`
  const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json' }
  const { text } = await ask(url.href, { whom, headers })
  return memberOf(text, 'value', whom)
}

/** The variable of `id_tokens` that the docs of this project use. */
export const GITLAB_VARIABLE = 'MINTMARK_ID_TOKEN'

/** The ID token that the job was started with. It cannot be renewed. */
export async function fromGitlab({
  audience,
  detail = GITLAB_VARIABLE,
  env,
}: PlatformRequest): Promise<string> {
  const token = env[detail]
  if (!token)
    throw new PlatformTokenError(
      `the variable ${detail} is not set: give the job one by id_tokens, with aud: ${audience}`,
    )
  return token
}
