import { requirePlatformAuthority } from '../../domain/authority.ts'
import { AUTH_METHODS, type AuthMethod } from '../../domain/client-key.ts'
import { LEAKED_SECRET_ACTIONS, type LeakedSecretAction } from '../../domain/leaked-secret.ts'
import { ALGORITHMS, type Algorithm, DEFAULT_REALM_SETTINGS, type RealmSettings } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import { choices, type Option, selectField } from './choices.ts'
import { atMost, field, form, textArea } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Html, html } from './html.ts'
import { METHOD_NAMES } from './key-pair.ts'
import { readList, readWhole } from './realm-fields.ts'
import { REALMS } from './realms.ts'
import type { Portal } from './visit.ts'

const PATH = '/portal/:realm/new-realm'

const defaults = DEFAULT_REALM_SETTINGS

const LEAK_WORDS: Readonly<Record<LeakedSecretAction, string>> = {
  disable: 'End it at once',
  alert: 'Tell, and leave it',
}

/** A realm is made by a platform administrator; what is left empty follows the policy of the platform. */
export function newRealmScreen(portal: Portal, { realms }: Pick<Operations, 'realms'>): void {
  portal.question(PATH, async (visit) => {
    requirePlatformAuthority(visit.actor)
    return {
      title: 'Create a realm',
      section: 'realms',
      trail: [['Realms', REALMS]],
      body: html`<section class="card narrow">${form(
        visit,
        `/portal/${visit.realm}/new-realm`,
        html`${nameFields()}${limitFields()}${listFields()}${keyFields()}
<div class="buttons"><button class="primary">Create</button><a class="button" href="${REALMS}">Cancel</a></div>`,
      )}</section>`,
    }
  })

  portal.action(PATH, async (visit, sent) => {
    const { name } = await realms.create(visit.actor, sent.get('name').trim(), readSettings(sent))
    return { redirect: `${REALMS}/${name}?done=created` }
  })
}

/** @throws Refusal `invalid` */
function readSettings(sent: Fields): Partial<RealmSettings> {
  const days = readWhole(sent, 'key_rotation_days')
  const list = (name: string) => {
    const values = readList(sent, name)
    return values.length === 0 ? undefined : values
  }
  const text = (name: string) => sent.get(name).trim() || undefined
  const read: { readonly [K in keyof RealmSettings]?: RealmSettings[K] | undefined } = {
    displayName: text('display_name'),
    serviceAccountLimit: readWhole(sent, 'service_account_limit'),
    tokenLifetimeSeconds: readWhole(sent, 'token_lifetime_seconds'),
    audiences: list('audiences'),
    scopes: list('scopes'),
    roles: list('roles'),
    // The operation refuses an unknown algorithm.
    algorithm: text('algorithm') as Algorithm | undefined,
    keyRotationSeconds: days === undefined ? undefined : days * 86_400,
    allowedAuthMethods: sent.getAll('allowed_auth_methods') as AuthMethod[],
    leakedSecretAction: text('leaked_secret_action') as LeakedSecretAction | undefined,
    ...(sent.get('shadow_mode') === 'on' && { shadowMode: true }),
  }
  const said = Object.entries(read).filter(([, value]) => value !== undefined)
  return Object.fromEntries(said) as Partial<RealmSettings>
}

function nameFields(): Html {
  return html`${field('name', 'Name', {
    hint: 'Part of its issuer and of every address, and never changed: lower-case letters, digits and hyphens.',
    attributes: html`required maxlength="63" autocapitalize="none" spellcheck="false"`,
  })}
${field('display_name', 'Display name (optional)', { attributes: atMost(200) })}`
}

function limitFields(): Html {
  const whole = html`inputmode="numeric"`
  return html`${field('service_account_limit', 'Service accounts that it may have', {
    value: String(defaults.serviceAccountLimit),
    attributes: whole,
  })}
${field('token_lifetime_seconds', 'Lifetime of tokens, in seconds (optional)', {
  hint: `30 to 3600. Left empty: ${defaults.tokenLifetimeSeconds}, or what the policy of the platform allows.`,
  attributes: whole,
})}`
}

function listFields(): Html {
  return html`${textArea('audiences', 'Audiences (optional)', { hint: 'One on a line; the first is the usual one. None: tokens are for the issuer.' })}
${textArea('scopes', 'Scopes (optional)', { hint: `One on a line. None: ${defaults.scopes.join(', ')}.` })}
${textArea('roles', 'Roles of the realm (optional)', { hint: 'One on a line, beside the built-in ones.' })}`
}

function keyFields(): Html {
  const algorithms = ALGORITHMS.map((name): Option => [name, name])
  const actions = LEAKED_SECRET_ACTIONS.map((action): Option => [action, LEAK_WORDS[action]])
  const methods = AUTH_METHODS.map((method) => ({
    value: method,
    label: METHOD_NAMES[method],
    isChosen: true,
  }))
  return html`${selectField('algorithm', 'Signs tokens with', [['', `${defaults.algorithm}, or what the policy allows`], ...algorithms])}
${field('key_rotation_days', 'A new signing key every … days (optional)', { hint: `Left empty: ${defaults.keyRotationSeconds / 86_400}, or what the policy of the platform allows.`, attributes: html`inputmode="numeric"` })}
${selectField('leaked_secret_action', 'A secret that leaked', [['', 'As the policy says'], ...actions])}
${choices({ type: 'checkbox', name: 'allowed_auth_methods', legend: 'Its accounts may authenticate with' }, methods)}
${choices({ type: 'checkbox', name: 'shadow_mode', legend: 'Before a switch from another server' }, [
  {
    value: 'on',
    label: 'Shadow mode: it checks requests, gives no tokens, and counts what would have failed',
    isChosen: false,
  },
])}`
}
