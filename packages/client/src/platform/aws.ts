import { ask, excerpt } from './ask.ts'
import { awsCredentials, instanceRegion } from './aws-credentials.ts'
import { type AwsCredentials, signedHeaders } from './aws-signature.ts'
import { readToken } from './files.ts'
import type { Environment, PlatformRequest } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'

const VERSION = '2011-06-15'
/** As long as AWS makes it by default. It is exchanged at once. */
const TOKEN_SECONDS = '300'

/** A token of the IAM role that this runs as, from the Security Token Service (`GetWebIdentityToken`). */
export async function fromAws({ audience, env }: PlatformRequest): Promise<string> {
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || (await instanceRegion(env))
  // It becomes a part of a host name.
  if (!/^[a-z0-9-]{1,40}$/.test(region))
    throw new PlatformTokenError('AWS_REGION is not the name of a region')
  const sts = stsAddress(region, env)
  const credentials = await roleCredentials(sts, env)
  const form = new URLSearchParams({
    Action: 'GetWebIdentityToken',
    Version: VERSION,
    'Audience.member.1': audience,
    SigningAlgorithm: 'RS256',
    DurationSeconds: TOKEN_SECONDS,
  }).toString()
  const scope = { region, service: 'sts', now: new Date() }
  const headers = signedHeaders(new URL(sts).host, form, credentials, scope)
  return elementOf(await askSts(sts, headers, form), 'WebIdentityToken')
}

// GetWebIdentityToken is not served by the global endpoint.
function stsAddress(region: string, env: Environment): string {
  const named = env['AWS_ENDPOINT_URL_STS'] || env['AWS_ENDPOINT_URL']
  if (named && URL.canParse(named)) return new URL('/', named).href
  return `https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`
}

/** A pod of EKS with a role of its own gets it by its token; without this it would be taken for the machine. */
async function roleCredentials(sts: string, env: Environment): Promise<AwsCredentials> {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: role, AWS_ACCESS_KEY_ID: key } = env
  if (!file || !role || key) return awsCredentials(env)
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: VERSION,
    RoleArn: role,
    RoleSessionName: env['AWS_ROLE_SESSION_NAME'] || 'mintmark',
    WebIdentityToken: (await readToken(file)).trim(),
  }).toString()
  const answer = await askSts(sts, { 'content-type': 'application/x-www-form-urlencoded' }, form)
  return {
    accessKeyId: elementOf(answer, 'AccessKeyId'),
    secretAccessKey: elementOf(answer, 'SecretAccessKey'),
    sessionToken: elementOf(answer, 'SessionToken'),
  }
}

async function askSts(sts: string, headers: Record<string, string>, body: string): Promise<string> {
  const whom = `AWS STS at ${new URL(sts).host}`
  return (await ask(sts, { whom, method: 'POST', headers, body })).text
}

/** The text of an element that occurs once in an answer of STS, which has neither attributes nor entities there. */
function elementOf(xml: string, name: string): string {
  const [, value] = new RegExp(`<${name}>([^<&]+)</${name}>`).exec(xml) ?? []
  if (value === undefined)
    throw new PlatformTokenError(`AWS STS answered without ${name}: ${excerpt(xml.slice(0, 100))}`)
  return value
}
