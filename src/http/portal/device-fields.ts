import type { ProtectedResource } from '../../domain/protected-resource.ts'
import { atMost, field, textArea } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Html, html } from './html.ts'

/** Fields of a device beside its type and id. */
export function deviceFields({
  name = '',
  groups = [],
}: Partial<Pick<ProtectedResource, 'name' | 'groups'>>): Html {
  return html`${field('name', 'Name', { value: name, hint: 'Empty: its id.', attributes: atMost(100) })}
${textArea('groups', 'Groups (optional)', {
  value: groups.join('\n'),
  rows: Math.max(2, Math.min(groups.length, 8)),
  hint: 'Ids of the groups that it is in, one on a line.',
})}`
}

export function readDeviceFields(sent: Fields) {
  const name = sent.get('name').trim()
  const groups = sent
    .get('groups')
    .split(/\s+/)
    .filter((one) => one !== '')
  return { ...(name !== '' && { name }), groups }
}
