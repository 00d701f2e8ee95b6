import type { ResourceKey } from '../../domain/protected-resource.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import type { ResourceUse } from '../../operations/resources/resource-summaries.ts'
import { countOf, deviceAddress, keyIn, keyText, typeInWords } from './device-words.ts'
import { form, notice } from './elements.ts'
import { type Content, html, named } from './html.ts'
import type { Page } from './layout.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'resources'>

const PATH = '/portal/:realm/devices/delete'

/** Maximum of resources in one form: a page of the list. */
const MAX_RESOURCES = 50

/** Deletes devices and groups: asks with the number of grants that end, deletes one by one, then shows the results. */
export function deviceDeletionScreen(portal: Portal, { resources }: Deps): void {
  portal.question(PATH, async (visit, { queryAll }) => {
    const uses = await resources.usesOf(visit.actor, visit.realm, keysIn(queryAll('resource')))
    return uses.length === 0 ? nothingTicked(visit) : question(visit, uses)
  })

  portal.action(PATH, async (visit, sent) => {
    const uses = await resources.usesOf(visit.actor, visit.realm, keysIn(sent.getAll('resource')))
    if (uses.length === 0) return nothingTicked(visit)
    // More grants would end than the question said: ask again.
    if (sumOf(uses, 'grants') > Number(sent.get('grants'))) return question(visit, uses, true)
    const refused: [ResourceUse, string][] = []
    for (const use of uses) {
      const why = await remove({ resources }, visit, use.resource)
      if (why !== undefined) refused.push([use, why])
    }
    if (refused.length === 0) return { redirect: `/portal/${visit.realm}/devices?done=deleted` }
    return report(visit, uses.length - refused.length, refused)
  })
}

function keysIn(texts: readonly string[]): ResourceKey[] {
  return [...new Set(texts)].slice(0, MAX_RESOURCES).flatMap((text) => keyIn(text) ?? [])
}

/** Returns why not. */
async function remove({ resources }: Deps, visit: Visit, key: ResourceKey): Promise<string | undefined> {
  try {
    await resources.delete(visit.actor, visit.realm, key)
    return undefined
  } catch (error) {
    // One that another administrator deleted meanwhile is gone, as asked.
    if (error instanceof Refusal && error.code === 'not_found') return undefined
    if (!(error instanceof Refusal) || error.code === 'forbidden') throw error
    return error.message
  }
}

function sumOf(uses: readonly ResourceUse[], what: 'grants' | 'members'): number {
  return uses.reduce((sum, use) => sum + use[what], 0)
}

function about({ realm }: Visit, title: string): Omit<Page, 'body'> {
  return { title, section: 'devices', trail: [['Devices', `/portal/${realm}/devices`]] }
}

function nothingTicked(visit: Visit): Page {
  return {
    ...about(visit, 'Nothing is ticked'),
    body: html`<section class="card narrow"><p>First tick devices or groups in the list.</p>
<p class="buttons"><a class="button" href="/portal/${visit.realm}/devices">Back to the list</a></p></section>`,
  }
}

function question(visit: Visit, uses: readonly ResourceUse[], hasGrown = false): Page {
  const list = `/portal/${visit.realm}/devices`
  const [grants, members] = [sumOf(uses, 'grants'), sumOf(uses, 'members')]
  const asked = new URLSearchParams(
    uses.map(({ resource }): [string, string] => ['resource', keyText(resource)]),
  )
  const whatEnds: Content =
    grants === 0
      ? html`<p>No account has a role on ${uses.length === 1 ? 'it' : 'them'}: no grant ends.</p>`
      : html`<p><strong>${countOf(grants, 'grant ends', 'grants end')} with ${uses.length === 1 ? 'it' : 'them'}.</strong> New tokens no longer have ${grants === 1 ? 'it' : 'them'}. This cannot be undone.</p>`
  return {
    ...about(visit, 'Delete devices'),
    ...(hasGrown && { status: 409, settleAt: `${list}/delete?${asked.toString()}` }),
    body: html`${hasGrown && notice('danger', 'Nothing was deleted: meanwhile another administrator granted more roles there. Check again what would end.')}
<section class="card narrow">${form(
      visit,
      `${list}/delete`,
      html`${whatEnds}
${members > 0 && html`<p>What is in ${uses.length === 1 ? 'it' : 'them'} (${members.toLocaleString('en')}) stays, but a role on the group no longer counts there.</p>`}
<input type="hidden" name="grants" value="${grants}">
<ul class="lines">${uses.map((use) => line(visit, use))}</ul>
<div class="buttons"><button class="danger">Delete ${uses.length > 1 && `all ${uses.length}`}</button><a class="button" href="${list}">Cancel</a></div>`,
    )}</section>`,
  }
}

function line(visit: Visit, { resource, grants, accounts }: ResourceUse): Content {
  const hidden = html`<input type="hidden" name="resource" value="${keyText(resource)}">`
  const who = grants === 0 ? 'no grants' : `${countOf(grants, 'grant')} of ${countOf(accounts, 'account')}`
  return html`<li><div>${hidden}<a class="strong" href="${deviceAddress(visit, resource)}">${named(resource.name)}</a> <span class="muted">${typeInWords(resource.type)} · <code class="wrap">${resource.id}</code></span></div><span class="muted">${who}</span></li>`
}

function report(visit: Visit, deleted: number, refused: readonly (readonly [ResourceUse, string])[]): Page {
  const list = `/portal/${visit.realm}/devices`
  return {
    ...about(visit, 'Not all were deleted'),
    status: 409,
    settleAt: list,
    body: html`${notice(
      'danger',
      html`<p>${deleted} deleted, and these not:</p><ul class="plain-list">${refused.map(([{ resource }, why]) => html`<li>${named(resource.name)}: ${why}</li>`)}</ul>`,
    )}
<p><a class="button" href="${list}">Back to Devices</a></p>`,
  }
}
