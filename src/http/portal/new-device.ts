import { resourceTypesOf } from '../../domain/protected-resource.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { type Option, selectField } from './choices.ts'
import { deviceFields, readDeviceFields } from './device-fields.ts'
import { typeInWords } from './device-words.ts'
import { atMost, field, form } from './elements.ts'
import { html } from './html.ts'
import type { Portal } from './visit.ts'

const PATH = '/portal/:realm/devices/add'

/** Adds one device or group; what is there already is not overwritten. */
export function newDeviceScreen(portal: Portal, operations: Pick<Operations, 'realms' | 'resources'>): void {
  portal.question(PATH, async (visit) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const list = `/portal/${visit.realm}/devices`
    const types = resourceTypesOf(realm).map((type): Option => [type, typeInWords(type)])
    return {
      title: 'Add a device or group',
      section: 'devices',
      trail: [['Devices', list]],
      body: html`<section class="card narrow">${form(
        visit,
        `${list}/add`,
        html`${selectField('type', 'Type', types)}
${field('id', 'Id', { hint: 'The id that your systems use. It is part of tokens and cannot be changed.', attributes: html`required spellcheck="false" autocapitalize="none" ${atMost(100)}` })}
${deviceFields({})}
<div class="buttons"><button class="primary">Add</button><a class="button" href="${list}">Cancel</a></div>`,
      )}</section>`,
    }
  })

  portal.action(PATH, async (visit, sent) => {
    const actor = { ...visit.actor, precondition: { ifNoneMatch: '*' } } as const
    const [type = '', id = ''] = ['type', 'id'].map((name) => sent.get(name).trim())
    await operations.resources
      .put(actor, visit.realm, { type, id, ...readDeviceFields(sent) })
      .catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.code !== 'changed_meanwhile') throw error
        throw new Refusal(
          'invalid',
          `There is a ${typeInWords(type).toLowerCase()} with that id already.`,
          'id',
        )
      })
    return { redirect: `/portal/${visit.realm}/devices?done=added` }
  })
}
