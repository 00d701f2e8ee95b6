import { stringify } from 'yaml'
import { LIST_NAMES, type ListName, type RealmFile } from './realm-file-schema.ts'

const HEAD = `# yaml-language-server: $schema=./realm.schema.json
# A realm of Mintmark as a file. Apply it: mintmark apply -f <this file> [--dry-run] [--prune]
# The schema for editors: mintmark apply --schema > realm.schema.json
# Not in this file: secrets of service accounts and their hashes, signing keys of the realm, keys that have expired,
# tokens, ids and times of the server, last uses, the audit trail.
`

/** YAML 1.2; what YAML 1.1 would read otherwise stands in quotes. */
const OPTIONS = { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false } as const

/** A realm as YAML, in one order. Ends without a new line. */
export function writeRealmFile(realm: RealmFile): string {
  const settings = Object.entries(realm).filter(([name]) => !LIST_NAMES.includes(name as ListName))
  const parts = [HEAD, stringify(Object.fromEntries(settings), OPTIONS)]
  for (const name of LIST_NAMES) {
    const entries = realm[name] ?? []
    parts.push(entries.length === 0 ? `${name}: []\n` : `${name}:\n`)
    for (const entry of entries) parts.push(entryOf(name, entry))
  }
  return parts.join('').replace(/\n$/, '')
}

/** Resources are many: on a line each, as JSON, they are read a hundred times as fast. */
function entryOf(list: ListName, entry: object): string {
  if (list === 'resources') return `  - ${JSON.stringify(entry)}\n`
  // Not ^, which is true after U+2028, too.
  return stringify([entry], OPTIONS).replace(/(^|\n)(?=[^\n])/g, '$1  ')
}
