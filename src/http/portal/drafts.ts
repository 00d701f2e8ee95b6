import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Operations } from '../../operations/operations.ts'
import { type Fields, fieldsIn, fieldsOf, pageOfForm } from './form-fields.ts'
import { mayKeep } from './kept-text.ts'
import type { SessionCookie } from './session-cookie.ts'

/** What somebody typed whose session had ended: sealed, in a cookie of the browser, until they have signed in again. */
export interface Draft {
  readonly realm: string
  /** The page of the form. */
  readonly page: string
  readonly action: string
  readonly sent: Fields
}

export interface Drafts {
  /** Returns the page of the form, if what was typed is kept. */
  keep(request: FastifyRequest, reply: FastifyReply, realm: string): string | undefined
  read(request: FastifyRequest): Draft | undefined
  forget(reply: FastifyReply): void
}

/** Browsers keep 4096 bytes of a cookie with its name. */
const MAX_BYTES = 3800
const MAX_INFLATED = 256 * 1024

type Deps = Pick<Operations, 'portalVisits'>

export function drafts({ portalVisits }: Deps, cookie: SessionCookie): Drafts {
  return {
    keep(request, reply, realm) {
      const sent = fieldsOf(request)
      const page = pageOfForm(sent, realm)
      const typed = new URLSearchParams()
      for (const name of sent.names())
        for (const value of sent.getAll(name)) if (mayKeep(name, value)) typed.append(name, value)
      if (page === undefined || typed.size === 0) return undefined
      const fields = deflateRawSync(typed.toString()).toString('base64url')
      const sealed = portalVisits.sealDraft({ realm, page, action: request.url, fields })
      if (sealed.length > MAX_BYTES) return undefined
      cookie.set(reply, sealed)
      return page
    },

    read(request) {
      const sealed = cookie.read(request)
      const opened = sealed === undefined ? undefined : portalVisits.openDraft(sealed)
      if (!opened) return undefined
      const { fields, ...draft } = opened
      const text = inflateRawSync(Buffer.from(fields, 'base64url'), { maxOutputLength: MAX_INFLATED })
      return { ...draft, sent: fieldsIn(new URLSearchParams(text.toString())) }
    },

    forget: (reply) => cookie.clear(reply),
  }
}
