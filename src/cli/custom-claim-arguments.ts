import { readFileSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'
import { type Command, InvalidArgumentError } from 'commander'
import type { CustomClaim, LeftOutClaim, Metadata } from '../domain/custom-claim.ts'
import { checkCustomClaims } from '../domain/custom-claim-check.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Terminal } from './terminal.ts'

/** Options of a command about custom claims. */
export interface ClaimOptions {
  readonly claim?: readonly CustomClaim[]
  /** A file of claims; false: none. */
  readonly claims?: string | false
}

export interface MetadataOptions {
  readonly metadata?: Metadata | false
}

/** @param whose tokens get them */
export function withClaims(command: Command, whose: string): Command {
  return command
    .option(
      '--claim <claim=value>',
      `claim of ${whose}: a.b=text, a.b:=JSON or a.b@=source (roles, metadata.<key>, …); repeatable, replaces the list`,
      customClaim,
    )
    .option(
      '--claims <file>',
      'all claims as a JSON list, with prefix, as and audiences; - is standard input',
    )
}

export function withMetadata(command: Command): Command {
  return command.option(
    '--metadata <key=value>',
    'text that claims can use; repeatable, replaces all',
    metadataPair,
  )
}

export function withoutClaims(command: Command): Command {
  return command.option('--no-claims', 'remove all claims')
}

/** The claims that the options say; `undefined`: nothing. @throws Refusal `invalid` */
export async function readClaims(
  { claim, claims }: ClaimOptions,
  terminal: Terminal,
): Promise<readonly CustomClaim[] | undefined> {
  if (claims === undefined || claims === false) return claims === false ? [] : claim
  if (claim) throw new Refusal('invalid', '--claim and --claims do not go together: put all into the file.')
  const text = claims === '-' ? await readAll(terminal.input) : readFile(claims)
  const list = parse(text)
  checkCustomClaims(list)
  return list
}

export function leftOutText({ claim, reason }: LeftOutClaim): string {
  return `The token is without the claim ${claim}: ${reason}.`
}

/** Parser of `--claim path=value`, `path:=JSON` or `path@=source`. */
export function customClaim(text: string, before: readonly CustomClaim[] = []): CustomClaim[] {
  const [, claim, sign, value = ''] = /^([^=]+?)(=|:=|@=)(.*)$/s.exec(text) ?? []
  if (claim === undefined)
    throw new InvalidArgumentError(
      'It must be like tenant=acme, limits.daily:=100, groups@=roles or cost.center@=metadata.cost_center.',
    )
  return [...before, toClaim(claim, sign as string, value)]
}

function toClaim(claim: string, sign: string, value: string): CustomClaim {
  // The operation that saves it decides what may be a source.
  if (sign === '@=') return { claim, from: value as 'name' }
  if (sign === '=') return { claim, value }
  try {
    return { claim, value: JSON.parse(value) }
  } catch {
    throw new InvalidArgumentError(`${value} is not JSON.`)
  }
}

function metadataPair(text: string, before: Metadata | false = {}): Metadata {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be key=value, like cost_center=4711.')
  return { ...(before || {}), [text.slice(0, at)]: text.slice(at + 1) }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Refusal('invalid', `${path} cannot be read: ${(error as Error).message}`)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal(
      'invalid',
      'The claims are not JSON: a list like [{"claim": "tenant", "value": "acme"}].',
    )
  }
}
