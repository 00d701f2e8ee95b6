import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Operations } from '../../operations/operations.ts'
import { typedBefore } from './form-again.ts'
import { type Fields, fieldsIn, fieldsOf, pageOfForm } from './form-fields.ts'
import { mayKeep } from './kept-text.ts'
import type { Page } from './layout.ts'
import type { SessionCookie } from './session-cookie.ts'

/** Typed text of somebody whose session had ended: sealed, in a cookie of the browser, until they have signed in again. */
interface Draft {
  readonly realm: string
  /** The page of the form. */
  readonly page: string
  readonly action: string
  readonly sent: Fields
}

export interface Drafts {
  /** Returns the page of the form, if what was typed is kept. */
  keep(request: FastifyRequest, reply: FastifyReply, realm: string): string | undefined
  /** The page with what was typed, where it was typed on that page; it is shown once. */
  show(request: FastifyRequest, reply: FastifyReply, page: Page, address: string): Page
}

/** Browsers keep 4096 bytes of a cookie with its name. */
const MAX_BYTES = 3800
const MAX_INFLATED = 256 * 1024

type Deps = Pick<Operations, 'portalVisits'>

export function drafts({ portalVisits }: Deps, cookie: SessionCookie): Drafts {
  function read(request: FastifyRequest): Draft | undefined {
    const sealed = cookie.read(request)
    const opened = sealed === undefined ? undefined : portalVisits.openDraft(sealed)
    if (!opened) return undefined
    const { fields, ...draft } = opened
    const text = inflateRawSync(Buffer.from(fields, 'base64url'), { maxOutputLength: MAX_INFLATED })
    return { ...draft, sent: fieldsIn(new URLSearchParams(text.toString())) }
  }

  return {
    keep(request, reply, realm) {
      const sent = fieldsOf(request)
      const page = pageOfForm(sent, realm)
      const typed = new URLSearchParams()
      for (const name of sent.names())
        for (const value of sent.getAll(name)) if (mayKeep(name, value)) typed.append(name, value)
      const text = typed.toString()
      if (page === undefined || typed.size === 0 || text.length > MAX_INFLATED) return undefined
      const fields = deflateRawSync(text).toString('base64url')
      const sealed = portalVisits.sealDraft({ realm, page, action: request.url, fields })
      if (sealed.length > MAX_BYTES) return undefined
      cookie.set(reply, sealed)
      return page
    },

    show(request, reply, page, address) {
      const draft = read(request)
      if (draft?.page !== address) return page
      cookie.clear(reply)
      return typedBefore(page, draft.action, draft.sent) ?? page
    },
  }
}
