import { type GrantKey, grantableRoles } from '../../domain/grant.ts'
import { pastedResources } from '../../domain/pasted-resources.ts'
import { resourceTypesOf } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type Option, selectField } from './choices.ts'
import { typeInWords } from './device-words.ts'
import { textArea } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Html, html } from './html.ts'

/** A role, and the ids that it is granted on. */
export function pastedFields(realm: Realm, { mayBeEmpty = false } = {}): Html {
  const roles = grantableRoles(realm).map((role): Option => [role, role])
  const types = resourceTypesOf(realm).map((type): Option => [type, typeInWords(type)])
  return html`<div class="filters-row">${selectField('grant_role', 'Role', roles)}
${selectField('grant_type', 'On each', types)}</div>
${textArea('ids', mayBeEmpty ? 'Ids (optional)' : 'Ids', {
  rows: mayBeEmpty ? 3 : 10,
  hint: 'One on a line; an id of another type as type/id, like device_group/eu-edge. If one is unknown, nothing is done.',
})}`
}

export function readPasted(sent: Fields, realm: Realm): GrantKey[] {
  const role = sent.get('grant_role')
  return pastedResources(sent.get('ids'), sent.get('grant_type'), realm).map((key) => ({ role, ...key }))
}

/** Reports the fault of an id at the whole list. */
export function atPastedIds(error: unknown): never {
  if (error instanceof Refusal && error.code === 'invalid' && /^(grants\.)?id$/.test(error.field ?? ''))
    throw new Refusal('invalid', `${error.message} Nothing was done.`, 'ids')
  throw error
}
