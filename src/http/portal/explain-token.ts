import type { Explanation } from '../../domain/explanation.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { field, form, textArea } from './elements.ts'
import { explanationCards } from './explanation-cards.ts'
import { type Content, html } from './html.ts'
import type { Page } from './layout.ts'
import { aboutIssuers, issuersAddress } from './trusted-issuer-frame.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/trusted-issuers/explain'

/** Longer than any token that is accepted, so that the explanation says so. */
const MAX_TOKEN = 20_000
const MAX_CLIENT_ID = 64

/** Limit for one person: an explanation may fetch keys, and compares many workload identities. */
const EXPLANATIONS_A_MINUTE = 60

/** Says of a token step by step whether it gets in, and why not. */
export function explainTokenScreen(portal: Portal, operations: Pick<Operations, 'federation'>): void {
  portal.page(PATH, async (visit, { query }) => page(visit, { clientId: query('client_id') }))

  portal.action(
    PATH,
    async (visit, sent) => {
      const [token = '', clientId = ''] = ['token', 'client_id'].map((name) => sent.get(name).trim())
      requireSizes(token, clientId)
      const asked = { token, clientId: clientId === '' ? undefined : clientId }
      const explanation = await operations.federation.explain(visit.actor, visit.realm, asked)
      return {
        ...page(visit, { clientId, explanation }),
        settleAt: issuersAddress(visit).concat('/explain'),
      }
    },
    { eachMinute: EXPLANATIONS_A_MINUTE },
  )
}

/** @throws Refusal `invalid` */
function requireSizes(token: string, clientId: string): void {
  if (token === '') throw new Refusal('invalid', 'Paste the token of the platform.', 'token')
  if (token.length > MAX_TOKEN)
    throw new Refusal('invalid', `A token has ${MAX_TOKEN} characters at most here.`, 'token')
  if (clientId.length > MAX_CLIENT_ID)
    throw new Refusal('invalid', `A client_id has ${MAX_CLIENT_ID} characters at most.`, 'client_id')
}

interface Shown {
  readonly clientId?: string
  readonly explanation?: Explanation
}

// The token is not in the page: it is good until it ends.
function page(visit: Visit, { clientId = '', explanation }: Shown): Page {
  const nothing: Content = html`<div class="card empty"><p class="muted">Each step will be here, with what was expected and what was found.</p></div>`
  return {
    ...aboutIssuers(visit, 'Test a token'),
    body: html`<p class="lead">Paste the token that a platform gave to a workload, and see whether it gets in, step by step. It is neither kept nor used up.</p>
<div class="split">
<section class="card">
${form(
  visit,
  `${issuersAddress(visit)}/explain`,
  html`${textArea('token', 'Token', { rows: 6, hint: 'Three parts with dots between them. Until it ends, it is as good as a password: get it from a workload of your own.', attributes: html`required maxlength="${MAX_TOKEN}"` })}
${field('client_id', 'client_id (optional)', { value: clientId, hint: 'Compares the token with the workload identities of this account alone, as a request with a client_id does.', attributes: html`maxlength="${MAX_CLIENT_ID}" spellcheck="false"` })}
<div class="buttons"><button class="primary">Test it</button></div>`,
)}
</section>
<section class="result" aria-live="polite">${explanation ? explanationCards(visit, explanation) : nothing}</section>
</div>`,
  }
}
