import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Params, Query } from './asked.ts'

/** Larger than any form that people fill in by hand. */
const LIMIT_BYTES = 64 * 1024

/** Time for a large form to arrive: 4 MiB at half a megabit a second. */
const LARGE_FORM_MILLISECONDS = 90_000

type Request = FastifyRequest<{ Params: Params; Querystring: Query }>

/** Takes forms and nothing else; the text of a file is a field like others. */
export async function acceptForms(app: FastifyInstance): Promise<void> {
  app.removeAllContentTypeParsers()
  await app.register(formbody, {
    bodyLimit: LIMIT_BYTES,
    parser: (text) => ({ fields: new URLSearchParams(text) }),
  })
  app.addContentTypeParser<Buffer<ArrayBuffer>>(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: LIMIT_BYTES },
    async ({ headers }: FastifyRequest, body: Buffer<ArrayBuffer>) => {
      const type = headers['content-type'] ?? ''
      const sent = await new Response(body, { headers: { 'content-type': type } }).formData().catch(refuse)
      const fields = new URLSearchParams()
      for (const [name, value] of sent)
        fields.append(name, typeof value === 'string' ? value : await value.text())
      return { fields }
    },
  )
}

function refuse(cause: unknown): never {
  throw Object.assign(new Error('the form could not be read', { cause }), { statusCode: 400 })
}

/** Options of a route that takes large forms, of those who are signed in. @param enter throws if somebody is not */
export function largeForm(
  bodyLimit: number,
  enter: (request: Request, reply: FastifyReply) => Promise<unknown>,
) {
  return {
    bodyLimit,
    config: { bodyMilliseconds: LARGE_FORM_MILLISECONDS } as object,
    onRequest: async (request: Request, reply: FastifyReply) => {
      const isSmall = Number(request.headers['content-length']) <= LIMIT_BYTES
      if (!isSmall) await enter(request, reply)
    },
  }
}
