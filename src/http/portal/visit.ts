import type { Readable } from 'node:stream'
import type {} from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fingerprint } from '../../crypto/fingerprint.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { portalActor } from '../../domain/portal-session.ts'
import { SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import type { PortalVisit } from '../../operations/portal/portal-visits.ts'
import { clientAddress } from '../client-address.ts'
import { loggableRealm, note } from '../request-log.ts'
import { type Asked, asked, type Params, type Query } from './asked.ts'
import { largeForm } from './form-bodies.ts'
import { type Fields, fieldsOf, pageIn, pageOfForm } from './form-fields.ts'
import type { Layout, Page } from './layout.ts'
import { limitRate } from './limit-rate.ts'
import type { RealmCookies } from './session-cookie.ts'

/** One request of a person who is signed in to the realm in the URL. */
export interface Visit extends PortalVisit {
  readonly realm: string
  readonly actor: Actor
  readonly address: string
  /** Address of the page that is shown, or that the form is on. */
  readonly page: string
  /** False for viewers. The operations refuse their attempts in any case. */
  readonly mayChange: boolean
}

/** Where to redirect the browser after a form. */
export interface Redirect {
  readonly redirect: string
  /** A session that the form made in another realm. */
  readonly signedInto?: NewCookie
}

export interface Download {
  readonly type: string
  readonly name: string
  readonly content: Readable
}

export type { Asked } from './asked.ts'
export type { Fields } from './form-fields.ts'

type Request = FastifyRequest<{ Params: Params; Querystring: Query }>

export interface NewCookie {
  readonly realm: string
  readonly cookie: string
}

/** What the ways in and the pages behind them share. */
export interface Gate {
  readonly layout: Layout
  readonly cookie: RealmCookies
  /** Keeps a new session in the browser, beside those of other realms. */
  signedInto(request: FastifyRequest, reply: FastifyReply, session: NewCookie): Promise<void>
  readonly publicUrl: string
  /** Hears of each page, so that a form that was refused can be shown again where it was. */
  readonly pages: { add(path: string, show: Show): void }
  /** The page with what was typed into it before somebody had to sign in again, if anything was. */
  withDraft(request: FastifyRequest, reply: FastifyReply, page: Page, address: string): Page
}

export type Show = (visit: Visit, asked: Asked) => Promise<Page | Redirect>

/** How screens are registered on the server. */
export interface Portal {
  readonly publicUrl: string
  page(path: string, show: (visit: Visit, asked: Asked) => Promise<Page | Redirect>): void
  /** A page that asks for confirmation; for those who may make the change. */
  question(path: string, show: (visit: Visit, asked: Asked) => Promise<Page | Redirect>): void
  /** A file to download. */
  download(path: string, make: (visit: Visit, asked: Asked) => Promise<Download>): void
  /** Handler of a form; accepts only forms of our own pages. */
  action(
    path: string,
    act: (visit: Visit, form: Fields, asked: Asked) => Promise<Page | Redirect>,
    limit?: FormLimit,
  ): void
}

export interface FormLimit {
  readonly eachMinute?: number
  /** Most bytes of a large form. It is read only for a person who is signed in. */
  readonly bodyBytes?: number
}

/** The browser has no session of the realm. */
export class SignedOut extends Error {
  override readonly name = 'SignedOut'
}

const visits = new WeakMap<FastifyRequest, Visit>()

/** The person of the request, once known. */
export function visitOf(request: FastifyRequest): Visit | undefined {
  return visits.get(request)
}

export function createPortal(
  app: FastifyInstance,
  operations: Pick<Operations, 'portalVisits'>,
  { layout, cookie, publicUrl, pages, withDraft, signedInto }: Gate,
): Portal {
  async function enter(request: Request, reply: FastifyReply): Promise<Visit> {
    const { realm = '' } = request.params
    note(request, { realm: loggableRealm(realm) })
    const found = await operations.portalVisits.find(cookie.all(request).values(), realm)
    if (!found) throw new SignedOut('there is no session in that realm')
    cookie.set(reply, realm, found.cookie)
    if (found.parentCookie !== undefined) cookie.set(reply, SYSTEM_REALM, found.parentCookie)
    const actor = portalActor(found.session, clientAddress(request), found.idHash)
    const mayChange = found.session.access === 'administer'
    const page =
      request.method === 'POST' ? (pageOfForm(fieldsOf(request), realm) ?? '') : pageIn(request.url)
    const visit = { ...found, realm, actor, page, address: clientAddress(request), mayChange }
    visits.set(request, visit)
    return visit
  }

  const answer = async (reply: FastifyReply, visit: Visit, result: Page | Redirect) => {
    if (!('redirect' in result)) return layout.send(reply, result, visit)
    if (result.signedInto) await signedInto(reply.request, reply, result.signedInto)
    return reply.redirect(result.redirect, 303)
  }

  const page: Portal['page'] = (path, show) => {
    pages.add(path, show)
    app.get<{ Params: Params; Querystring: Query }>(path, async (request, reply) => {
      const visit = await enter(request, reply)
      const result = await show(visit, asked(request))
      const isPage = !('redirect' in result)
      return answer(reply, visit, isPage ? withDraft(request, reply, result, visit.page) : result)
    })
  }

  return {
    publicUrl,
    page,

    question(path, show) {
      page(path, async (visit, asked) => {
        requireAuthority(visit.actor, visit.realm, 'administer')
        return show(visit, asked)
      })
    },

    download(path, make) {
      app.get<{ Params: Params; Querystring: Query }>(path, async (request, reply) => {
        const { type, name, content } = await make(await enter(request, reply), asked(request))
        reply.header('content-type', type).header('content-disposition', `attachment; filename="${name}"`)
        return reply.send(content)
      })
    },

    action(path, act, limit = {}) {
      const { eachMinute, bodyBytes } = limit
      const requireRate = eachMinute && limitRate(app, eachMinute, (request) => visitOf(request)?.actor.id)
      const large = bodyBytes === undefined ? {} : largeForm(bodyBytes, enter)
      app.post<{ Params: Params; Querystring: Query }>(path, large, async (request, reply) => {
        requireOwnOrigin(request, publicUrl)
        const visit = await enter(request, reply)
        if (requireRate) await requireRate(request)
        const form = fieldsOf(request)
        requireFormToken(visit, form)
        const result = await act(visit, form, asked(request))
        return answer(reply, visit, result)
      })
    },
  }
}

/** Browsers say which site sent a form. */
export function requireOwnOrigin({ headers, host }: FastifyRequest, publicUrl: string): void {
  const site = headers['sec-fetch-site']
  const origin = headers.origin
  const ours = [new URL(publicUrl).origin, `http://${host}`, `https://${host}`]
  if (site === undefined ? origin === undefined || ours.includes(origin) : site === 'same-origin') return
  throw new Refusal('forbidden', 'The form was sent from another site, so nothing was done.', 'origin')
}

function requireFormToken({ formToken }: Visit, form: Fields): void {
  // Compares hashes, so that timing reveals nothing about the token.
  if (fingerprint(form.get('form_token')) === fingerprint(formToken)) return
  throw new Refusal(
    'forbidden',
    'The form is not one of this session, so nothing was done. Open the page again and send it from there.',
    'form_token',
  )
}
