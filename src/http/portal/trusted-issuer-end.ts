import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { Operations } from '../../operations/operations.ts'
import { confirmation } from './elements.ts'
import { type Html, html } from './html.ts'
import {
  aboutIssuers,
  accountsInWords,
  issuerAddress,
  issuerOfPage,
  issuersAddress,
  nameOfIssuer,
} from './trusted-issuer-frame.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'trustedIssuers'>

const PATH = '/portal/:realm/trusted-issuers/:id'

/** Disabling, enabling and deleting a trusted issuer. */
export function trustedIssuerEndScreens(portal: Portal, operations: Deps): void {
  states(portal, operations)

  portal.question(`${PATH}/delete`, async (visit, asked) => {
    const issuer = await issuerOfPage(operations, visit, asked)
    const here = issuerAddress(visit, issuer.id)
    return {
      ...aboutIssuers(visit, 'Delete the issuer', issuer),
      body: confirmation(visit, {
        action: `${here}/delete`,
        button: 'Delete',
        danger: true,
        cancel: here,
        content: html`<p>Delete ${nameOfIssuer(issuer)}? <strong>None of its tokens is accepted from then on.</strong> It cannot be undone.</p>
${await consequence(operations, visit, issuer, ', and these workload identities are deleted')}`,
      }),
    }
  })

  portal.action(`${PATH}/delete`, async (visit, _sent, { params }) => {
    const isDone = await operations.trustedIssuers.delete(visit.actor, visit.realm, params['id'] as string)
    return { redirect: `${issuersAddress(visit)}?done=${isDone ? 'deleted' : 'ending'}` }
  })
}

function states(portal: Portal, operations: Deps): void {
  portal.question(`${PATH}/disable`, async (visit, asked) => {
    const issuer = await issuerOfPage(operations, visit, asked)
    const here = issuerAddress(visit, issuer.id)
    return {
      ...aboutIssuers(visit, 'Disable the issuer', issuer),
      body: confirmation(visit, {
        action: `${here}/disable`,
        button: 'Disable',
        danger: true,
        cancel: here,
        content: html`<p>None of the tokens of ${nameOfIssuer(issuer)} is accepted until you enable it again.</p>
${await consequence(operations, visit, issuer, '')}`,
      }),
    }
  })

  for (const [verb, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    portal.action(`${PATH}/${verb}`, async (visit, _sent, { params }) => {
      const id = params['id'] as string
      const { issuer } = await operations.trustedIssuers.update(visit.actor, visit.realm, id, { enabled })
      const done = issuer.ending ? 'ending' : `${verb}d`
      return { redirect: `${issuerAddress(visit, id)}?done=${done}` }
    })
  }
}

async function consequence(
  { trustedIssuers }: Deps,
  visit: Visit,
  { id }: TrustedIssuer,
  more: string,
): Promise<Html> {
  const count = await trustedIssuers.countAccounts(visit.actor, visit.realm, id)
  if (count === 0) return html`<p class="hint">No service account is bound to it.</p>`
  const [have, their] = count === 1 ? ['is', 'its'] : ['are', 'their']
  return html`<p>${accountsInWords(count)} ${have} bound to it: all tokens that ${count === 1 ? 'it has' : 'they have'} got so far end${more}. Workloads without another credential of ${their} own are shut out.</p>`
}
