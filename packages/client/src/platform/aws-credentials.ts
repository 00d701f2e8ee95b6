import { readFile } from 'node:fs/promises'
import { ask, memberOf } from './ask.ts'
import type { AwsCredentials } from './aws-signature.ts'
import type { Environment } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'

const CONTAINER = 'http://169.254.170.2'
/** Hosts that plain HTTP may bring credentials from: the machine's own, and those of ECS and EKS. */
const CONTAINER_HOSTS = /^(localhost|127(\.\d+){3}|\[::1\]|169\.254\.170\.(2|23)|\[fd00:ec2::23\])$/

/**
 * Credentials of the role that this runs as, in the order of the AWS SDKs: environment, container (ECS, EKS Pod Identity),
 * machine (IMDSv2). Profiles of a person are not read.
 * @throws PlatformTokenError
 */
export async function awsCredentials(env: Environment): Promise<AwsCredentials> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env
  if (accessKeyId && secretAccessKey)
    return { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] }
  const container = containerAddress(env)
  if (container !== undefined) return fromContainer(container, env)
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true')
    throw new PlatformTokenError(
      'there are no AWS credentials in the environment, and AWS_EC2_METADATA_DISABLED is set',
    )
  const imds = await instanceMetadata(env)
  const path = 'iam/security-credentials/'
  const role = (await imds(path)).trim().split('\n')[0] ?? ''
  if (role === '') throw new PlatformTokenError('this machine has no IAM role')
  return parse(await imds(`${path}${encodeURIComponent(role)}`), 'the instance metadata service')
}

/** The machine's region, where nothing in the environment says it. */
export async function instanceRegion(env: Environment): Promise<string> {
  const imds = await instanceMetadata(env)
  return (await imds('placement/region')).trim()
}

function containerAddress(env: Environment): string | undefined {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']
  if (relative) return `${CONTAINER}${relative}`
  const full = env['AWS_CONTAINER_CREDENTIALS_FULL_URI']
  if (!full) return undefined
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && CONTAINER_HOSTS.test(url.hostname)))
    return full
  throw new PlatformTokenError(
    'AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of ECS or EKS',
  )
}

async function fromContainer(address: string, env: Environment): Promise<AwsCredentials> {
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']
  const token = file ? await readAuthorization(file) : env['AWS_CONTAINER_AUTHORIZATION_TOKEN']
  const whom = `the credentials endpoint at ${new URL(address).host}`
  const headers = token ? { authorization: token } : {}
  return parse((await ask(address, { whom, headers })).text, whom)
}

async function readAuthorization(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new PlatformTokenError(`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: ${code}`)
  }
}

/** Reads below /latest/meta-data/, in a session of IMDSv2. */
async function instanceMetadata(env: Environment): Promise<(path: string) => Promise<string>> {
  const base = (env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || 'http://169.254.169.254').replace(/\/+$/, '')
  const whom = 'the instance metadata service'
  const { text } = await ask(`${base}/latest/api/token`, {
    whom,
    method: 'PUT',
    headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' },
  })
  const headers = { 'X-aws-ec2-metadata-token': text.trim() }
  return async (path) => (await ask(`${base}/latest/meta-data/${path}`, { whom, headers })).text
}

function parse(text: string, whom: string): AwsCredentials {
  return {
    accessKeyId: memberOf(text, 'AccessKeyId', whom),
    secretAccessKey: memberOf(text, 'SecretAccessKey', whom),
    sessionToken: memberOf(text, 'Token', whom),
  }
}
