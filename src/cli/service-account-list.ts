import { type Command, Option } from 'commander'
import { ACCOUNT_STATES, type AccountFilter, isFiltered } from '../domain/account-filter.ts'
import { AUTH_METHODS } from '../domain/client-key.ts'
import { serviceAccountToWire } from '../wire/service-account.ts'
import { allItems } from './all-items.ts'
import { past, whole } from './arguments.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import { listText } from './service-account-text.ts'
import type { InSession } from './session.ts'

const PAGE = 500

interface ListOptions extends InRealm, Pick<AccountFilter, 'state' | 'role' | 'authMethod' | 'unusedSince'> {
  readonly name?: string
  readonly search?: string
  readonly clientId?: string
  readonly rotating?: true
  readonly leaked?: true
  readonly limit?: number
}

export function listCommand(group: Command, inSession: InSession): void {
  ofRealm(group, 'list', 'service accounts of a realm, in order of name; each filter leaves out more')
    .option('--name <text>', 'part of the name, whatever its case')
    .option(
      '--search <text>',
      'part of the name, the client_id, the description or the metadata owner and tags, whatever its case',
    )
    .option('--client-id <start>', 'beginning of the client_id')
    .addOption(new Option('--state <state>', 'whether it may get tokens').choices(ACCOUNT_STATES))
    .option('--role <role>', 'role that it has on the whole realm')
    .addOption(new Option('--auth-method <method>', 'by what it may authenticate').choices(AUTH_METHODS))
    .option('--rotating', 'its secret is being rotated')
    .option('--leaked', 'its secret was found in public, and still works or has no successor')
    .option('--unused-since <time>', 'not used since this time, or for this long, such as 90d', past)
    .option('--limit <number>', 'maximum number of accounts (default: all)', whole)
    .action(
      inSession(async ({ operations, actor }, { realm, limit, ...options }: ListOptions) => {
        const filter = filterOf(options)
        const accounts = await allItems(
          (after = '') => operations.accounts.list(actor, realm, { after, limit: PAGE, ...filter }),
          limit,
        )
        return {
          json: accounts.map((account) => serviceAccountToWire(account, realm)),
          text: isFiltered(filter) && accounts.length === 0 ? 'None.' : listText(accounts, realm),
        }
      }),
    )
}

function filterOf(options: Omit<ListOptions, 'realm' | 'limit'>): AccountFilter {
  const { name, search, clientId, rotating, leaked, ...others } = options
  return {
    ...others,
    nameContains: name,
    textContains: search,
    clientIdStart: clientId,
    isRotating: rotating,
    isLeaked: leaked,
  }
}
