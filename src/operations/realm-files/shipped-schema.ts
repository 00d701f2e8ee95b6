import { RealmFile } from './realm-file-schema.ts'

/** The schema that is shipped, for editors and other programs. */
export function realmFileSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A realm of Mintmark as a file',
    description: 'What mintmark apply reads and mintmark export writes. Never a secret, never a private key.',
    ...JSON.parse(JSON.stringify(RealmFile)),
  }
}
