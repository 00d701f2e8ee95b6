import { ask } from './ask.ts'
import type { PlatformRequest } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'

const FLAVOR = 'Metadata-Flavor'

/** An identity token of the attached service account, from the metadata server. */
export async function fromGcp({ audience, env }: PlatformRequest): Promise<string> {
  const host = env['GCE_METADATA_HOST'] || 'metadata.google.internal'
  const whom = `the metadata server at ${host}`
  const query = new URLSearchParams({ audience, format: 'full' })
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/identity?${query}`
  const { text, headers } = await ask(url, { whom, headers: { [FLAVOR]: 'Google' } })
  // Another service at that name would not say so.
  if (headers.get(FLAVOR) !== 'Google') throw new PlatformTokenError(`${whom} is not one of Google Cloud`)
  return text
}
