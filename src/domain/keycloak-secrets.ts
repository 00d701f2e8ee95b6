import type { AccountLine } from './account-line.ts'
import { faultIn } from './import-plan.ts'
import type { KeycloakClient } from './keycloak-realm.ts'
import { checkImportedClientSecret, latestOverlapEnd } from './service-account.ts'

type Leave = (reason: string) => void

type Secrets = Pick<
  AccountLine,
  'clientSecret' | 'secretCreatedAt' | 'oldClientSecret' | 'oldSecretCreatedAt' | 'oldSecretExpiresAt'
>

const RESET = 'it has none here until you reset it.'

/**
 * The secret of a client, the one before its rotation while that is good, and when they were made.
 * @param leave is told of what cannot be taken over
 */
export function secretsOfClient(client: KeycloakClient, now: Date, leave: Leave): Secrets {
  const { secret, attributes } = client
  const timeOf = (name: string) => timeIn(attributes[`client.secret.${name}`])
  const end = timeOf('expiration.time')
  if (end && end <= now) {
    leave(`Its secret ended in Keycloak on ${dayOf(end)}: ${RESET}`)
    return {}
  }
  const fault = secret === undefined ? `There is no secret of it: ${RESET}` : secretFault(secret)
  if (fault !== undefined) {
    leave(fault)
    return {}
  }
  if (end)
    leave(`Its secret ends on ${dayOf(end)} in Keycloak: here it is good until you rotate or reset it.`)
  const createdAt = timeOf('creation.time')
  return {
    clientSecret: secret as string,
    ...(createdAt && { secretCreatedAt: createdAt }),
    ...oldSecretOf(client, { now, end: earliest(end, timeOf('rotated.expiration.time')) }, leave),
  }
}

/** As Keycloak has it, a secret before the rotation counts while its end is known and to come. */
function oldSecretOf(
  { attributes }: KeycloakClient,
  { now, end }: { readonly now: Date; readonly end: Date | undefined },
  leave: Leave,
): Secrets {
  const secret = attributes['client.secret.rotated']
  const isKnown = timeIn(attributes['client.secret.rotated.expiration.time']) !== undefined
  if (typeof secret !== 'string' || secret === '' || !isKnown || !end || end <= now)
    return { oldClientSecret: null }
  const fault = secretFault(secret)
  if (fault !== undefined) {
    leave(`The secret before its rotation, good in Keycloak until ${end.toISOString()}: ${fault}`)
    return { oldClientSecret: null }
  }
  const last = latestOverlapEnd(now)
  if (end > last)
    leave(`The secret before its rotation ends here after 90 days, on ${dayOf(last)}, not on ${dayOf(end)}.`)
  const createdAt = timeIn(attributes['client.secret.rotated.creation.time'])
  return {
    oldClientSecret: secret,
    oldSecretExpiresAt: end,
    ...(createdAt && { oldSecretCreatedAt: createdAt }),
  }
}

/** Why a secret cannot be taken over. */
function secretFault(secret: string): string | undefined {
  if (/^\*+$/.test(secret))
    return `Its secret is masked, as a partial export does: ${RESET} Export with kc.sh export.`
  if (secret.startsWith('$' + '{vault.')) return `Its secret is in a vault of Keycloak's: ${RESET}`
  const fault = faultIn(() => checkImportedClientSecret(secret))
  return fault && `${fault} ${RESET[0]?.toUpperCase()}${RESET.slice(1)}`
}

/** Seconds since 1970, as Keycloak writes them. */
function timeIn(seconds: unknown): Date | undefined {
  const isTime = typeof seconds === 'string' && /^[1-9]\d{0,9}$/.test(seconds)
  return isTime ? new Date(Number(seconds) * 1000) : undefined
}

function earliest(a: Date | undefined, b: Date | undefined): Date | undefined {
  return a && b ? (a < b ? a : b) : (a ?? b)
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}
