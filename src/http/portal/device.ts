import { groupTypeOf, type ProtectedResource, resourceTypesOf } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { resourceVersion } from '../../operations/resources/protected-resources.ts'
import { deviceFields, readDeviceFields } from './device-fields.ts'
import { deviceGrantsCard } from './device-grants.ts'
import { deviceAddress, groupLinks, keyText, typeInWords } from './device-words.ts'
import { copyable, form, notice, saveButton, versionField } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { when } from './times.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'realms' | 'resources' | 'grants'>

const PATH = '/portal/:realm/devices/:type/:id'
const MEMBERS = 10

/** One device or group: what is known of it, and who may do what on it. */
export function deviceScreen(portal: Portal, operations: Deps): void {
  portal.page(PATH, async (visit, asked) => {
    const resource = await operations.resources.find(visit.actor, visit.realm, keyOf(asked))
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const query = new URLSearchParams({ resource: keyText(resource) })
    return {
      title: resource.name,
      tab: typeInWords(resource.type),
      section: 'devices',
      trail: [['Devices', `/portal/${visit.realm}/devices`]],
      actions:
        visit.mayChange &&
        html`<a class="button danger-text" href="/portal/${visit.realm}/devices/delete?${query.toString()}">${icon('trash')}Delete</a>`,
      body: html`${asked.query('done') === 'saved' && notice('success', 'Saved.')}
${facts(visit, resource)}
${await deviceGrantsCard(visit, { resource, realm }, asked, operations)}
${await membersCard(visit, { resource, realm }, operations)}
${visit.mayChange && changeCard(visit, resource)}`,
    }
  })

  portal.action(PATH, async (visit, sent, asked) => {
    const key = keyOf(asked)
    const precondition = { ifMatch: [sent.get('version')] }
    await operations.resources
      .put({ ...visit.actor, precondition }, visit.realm, { ...readDeviceFields(sent), ...key })
      .catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.code !== 'changed_meanwhile') throw error
        throw new Refusal('changed_meanwhile', 'Another administrator changed it: read it again.')
      })
    return { redirect: `${deviceAddress(visit, key)}?done=saved` }
  })
}

function keyOf({ params }: Asked) {
  return { type: params['type'] as string, id: params['id'] as string }
}

function facts(visit: Visit, resource: ProtectedResource): Html {
  const { type, id, createdAt, updatedAt } = resource
  return html`<section class="card"><dl class="facts">
<dt>Type</dt><dd>${typeInWords(type)}</dd>
<dt>Id</dt><dd>${copyable('device-id', 'id', id)}</dd>
<dt>Groups</dt><dd>${groupLinks(visit, resource, resource.groups.length)}</dd>
<dt>Added</dt><dd>${when(createdAt, visit.now)}</dd>
<dt>Changed</dt><dd>${when(updatedAt, visit.now)}</dd>
</dl></section>`
}

/** Members of a group. */
async function membersCard(
  visit: Visit,
  { resource, realm }: { readonly resource: ProtectedResource; readonly realm: Realm },
  { resources }: Deps,
): Promise<Content> {
  if (!resourceTypesOf(realm).some((type) => groupTypeOf(type) === resource.type)) return undefined
  const filter = { group: resource, limit: MEMBERS }
  const { items, next } = await resources.list(visit.actor, visit.realm, filter)
  const all = `/portal/${visit.realm}/devices?${new URLSearchParams({ group: keyText(resource) })}`
  const line = (one: ProtectedResource) =>
    html`<li><div><a class="strong" href="${deviceAddress(visit, one)}">${named(one.name)}</a> <span class="muted">${typeInWords(one.type)}</span></div></li>`
  return html`<section class="card"><h2>What is in it</h2>
${items.length === 0 ? html`<p class="muted">Nothing yet.</p>` : html`<ul class="lines">${items.map(line)}</ul>`}
${next !== undefined && html`<p class="pager"><a class="button small" href="${all}">All of it${icon('chevron-right')}</a></p>`}</section>`
}

function changeCard(visit: Visit, resource: ProtectedResource): Html {
  return html`<section class="card"><h2>Name and groups</h2>${form(
    visit,
    deviceAddress(visit, resource),
    html`${versionField(resourceVersion(resource))}
${deviceFields(resource)}
<div class="buttons">${saveButton('Save', false)}</div>`,
  )}</section>`
}
