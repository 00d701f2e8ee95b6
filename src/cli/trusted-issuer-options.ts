import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { Refusal } from '../domain/refusal.ts'
import type { SentKeys, SentSettings } from '../operations/federation/sent-issuer.ts'
import { collect, whole } from './arguments.ts'
import { claims } from './claim-arguments.ts'
import type { InRealm } from './realm-options.ts'

/** Options that create and update have in common. */
export function settings(command: Command): Command {
  return command
    .option('--issuer <url>', 'iss of its tokens, byte for byte; or spiffe:// and the trust domain')
    .option('--name <name>', 'in your words')
    .option('--discovery', 'read its keys by its discovery document')
    .option('--jwks-uri <url>', 'read its keys from this address')
    .option('--spiffe-bundle <url>', 'read its keys from the bundle endpoint of the trust domain')
    .option('--jwks <file>', 'its public keys, as a JWKS; they are never fetched')
    .option('--audience <aud>', 'that its tokens may be for (repeatable; default: the realm)', collect)
    .option('--algorithm <alg>', 'that it may sign with (repeatable)', collect)
    .option('--max-lifetime <seconds>', 'that a token may have', whole)
    .option('--single-use', 'accept each token once, by its jti')
    .option(
      '--required-claim <claim>',
      'that a workload identity pins, unless it pins sub (repeatable)',
      claims,
    )
}

export interface SettingOptions extends InRealm {
  readonly issuer?: string
  readonly preset?: string
  readonly name?: string
  readonly discovery?: true
  readonly jwksUri?: string
  readonly spiffeBundle?: string
  readonly jwks?: string
  readonly audience?: readonly string[]
  readonly realmAudiences?: true
  readonly algorithm?: readonly string[]
  readonly maxLifetime?: number
  readonly singleUse?: boolean
  readonly requiredClaim?: readonly (readonly string[])[]
  readonly enabled?: true
  readonly disabled?: true
}

/** Only what was given; the operation decides the rest. @throws Refusal `invalid` */
export function sentOf(options: SettingOptions): SentSettings {
  const { issuer, preset, name, audience, realmAudiences, algorithm, enabled, disabled } = options
  if (enabled && disabled) throw new Refusal('invalid', 'Give one of --enabled and --disabled.')
  if (audience && realmAudiences)
    throw new Refusal('invalid', 'Give one of --audience and --realm-audiences.')
  return {
    ...(issuer !== undefined && { issuer }),
    preset,
    name,
    keys: keysOf(options),
    audiences: realmAudiences ? null : audience,
    algorithms: algorithm,
    maxLifetimeSeconds: options.maxLifetime,
    singleUse: options.singleUse,
    requiredClaims: options.requiredClaim,
    enabled: enabled ?? (disabled ? false : undefined),
  }
}

function keysOf({ discovery, jwksUri, spiffeBundle, jwks }: SettingOptions): SentKeys | undefined {
  const given: SentKeys[] = []
  if (discovery) given.push({ source: 'discovery' })
  if (jwksUri !== undefined) given.push({ source: 'jwks_uri', jwksUri })
  if (spiffeBundle !== undefined) given.push({ source: 'spiffe_bundle', url: spiffeBundle })
  if (jwks !== undefined) given.push({ source: 'jwks', jwks: readJwks(jwks) })
  if (given.length > 1)
    throw new Refusal('invalid', 'Give one of --discovery, --jwks-uri, --spiffe-bundle and --jwks.')
  return given[0]
}

function readJwks(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code = 'it cannot be read' } = error as NodeJS.ErrnoException
    throw new Refusal('invalid', `--jwks ${file}: ${code}. Name a file with a JWKS in it.`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal('invalid', `--jwks ${file}: it is not JSON. Name a file with a JWKS in it.`)
  }
}
